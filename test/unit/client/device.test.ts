import { describe, expect, it } from 'vitest';
import { Device } from '../../../src/client/device.ts';
import { UNKNOWN_DEVICE } from '../../../src/client/device-policy.ts';

class FakeLine extends EventTarget {
  saveData = false;
  type: string | undefined = 'wifi';
}

class FakeBattery extends EventTarget {
  charging = true;
  level = 0.5;
}

describe('Device', () => {
  it('knows nothing where the browser tells nothing', async () => {
    const device = new Device({}, () => expect.unreachable('nothing has changed'));
    await Promise.resolve();
    expect(device.facts).toEqual(UNKNOWN_DEVICE);
    expect(new Device({ connection: { saveData: true } }, () => undefined).facts).toEqual(UNKNOWN_DEVICE);
  });

  it('follows the line', () => {
    const connection = new FakeLine();
    const seen: unknown[] = [];
    const device: Device = new Device({ connection }, () => seen.push(device.facts.connection));
    expect(device.facts).toEqual({ ...UNKNOWN_DEVICE, connection: 'wifi' });
    connection.type = 'cellular';
    connection.dispatchEvent(new Event('change'));
    expect(seen).toEqual(['cellular']);
    connection.saveData = true;
    expect(device.facts.saveData).toBe(true);
  });

  it('calls a battery low below a fifth, unless it is charging', async () => {
    const battery = new FakeBattery();
    const seen: boolean[] = [];
    const device: Device = new Device({ getBattery: () => Promise.resolve(battery) }, () =>
      seen.push(device.facts.lowBattery),
    );
    await new Promise((resolve) => setImmediate(resolve));
    battery.level = 0.19;
    battery.dispatchEvent(new Event('levelchange'));
    battery.charging = false;
    battery.dispatchEvent(new Event('chargingchange'));
    battery.level = 0.2;
    battery.dispatchEvent(new Event('levelchange'));
    expect(seen).toEqual([false, false, true, false]);
  });

  it('goes on where asking for the battery is forbidden', async () => {
    const device = new Device({ getBattery: () => Promise.reject(new Error('Permissions-Policy')) }, () => undefined);
    await new Promise((resolve) => setImmediate(resolve));
    expect(device.facts).toEqual(UNKNOWN_DEVICE);
  });
});
