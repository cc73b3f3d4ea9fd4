import type { DeviceFacts } from './device-policy.ts';

/** Below it a laptop or telephone warns its user. */
const LOW_BATTERY_LEVEL = 0.2;

/** The part of the Battery Status API (W3C) that matters here. */
interface Battery extends EventTarget {
  readonly charging: boolean;
  /** From 0 to 1. */
  readonly level: number;
}

/** This device's line and battery, as far as the browser tells: Chromium does, Firefox and Safari do not. */
export class Device {
  readonly #connection: EventTarget | undefined;
  #battery: Battery | undefined;

  /** Calls `onChange` whenever `facts` may have changed. */
  constructor(navigator: object, onChange: () => void) {
    // Network Information API (WICG).
    const { connection, getBattery } = navigator as { connection?: unknown; getBattery?: () => Promise<Battery> };
    this.#connection = connection instanceof EventTarget ? connection : undefined;
    this.#connection?.addEventListener('change', onChange);
    getBattery?.call(navigator).then(
      (battery) => {
        this.#battery = battery;
        battery.addEventListener('levelchange', onChange);
        battery.addEventListener('chargingchange', onChange);
        onChange();
      },
      () => undefined, // The page's Permissions-Policy does not allow it.
    );
  }

  get facts(): DeviceFacts {
    const { saveData, type } = (this.#connection ?? {}) as { saveData?: unknown; type?: unknown };
    const battery = this.#battery;
    return {
      saveData: saveData === true,
      connection: typeof type === 'string' ? type : undefined,
      lowBattery: battery !== undefined && !battery.charging && battery.level < LOW_BATTERY_LEVEL,
    };
  }
}
