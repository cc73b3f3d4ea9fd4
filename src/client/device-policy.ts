/** What a browser tells about its line; browsers without the Network Information API tell nothing. */
export interface DeviceFacts {
  /** The user asked sites to save data. */
  readonly saveData: boolean;
  /** `cellular`, `wifi`, `ethernet`, …; `undefined` where the browser does not say. */
  readonly connection: string | undefined;
}

/**
 * Whether this device may exchange chunks with peers now. Where not, no socket is opened to anyone but the origin, and
 * the engine's script is not loaded; everything else works.
 */
export function mayUsePeers(device: DeviceFacts): boolean {
  return !device.saveData && device.connection !== 'cellular';
}

/** The facts in whatever `navigator.connection` is in this browser. */
export function deviceFacts(connection: unknown): DeviceFacts {
  if (typeof connection !== 'object' || connection === null) return { saveData: false, connection: undefined };
  const { saveData, type } = connection as { saveData?: unknown; type?: unknown };
  return { saveData: saveData === true, connection: typeof type === 'string' ? type : undefined };
}
