type Method = (this: any, ...args: any[]) => unknown;

/**
 * Makes a function look like the method whose place it takes: its name, its length, and the
 * metadata that decorators below have left on it. Those above find the stand-in.
 */
export function standInFor<StandIn extends Method>(
  method: Method,
  standIn: StandIn,
): StandIn {
  Object.defineProperties(standIn, {
    name: { value: method.name, configurable: true },
    length: { value: method.length, configurable: true },
  });
  for (const key of Reflect.getMetadataKeys(method)) {
    Reflect.defineMetadata(key, Reflect.getMetadata(key, method), standIn);
  }
  return standIn;
}
