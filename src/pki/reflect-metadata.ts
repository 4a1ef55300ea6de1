// The three functions of the old decorator-metadata proposal that @peculiar/x509's dependency
// injection looks for on `Reflect` when it is loaded; without them its import throws. A polyfill
// package brings some forty more that nobody calls. Import this file before @peculiar/x509.
// Another polyfill that is there already is left alone.

type Key = string | symbol;

const store = new WeakMap<object, Map<Key, unknown>>();

function getOwnMetadata(key: Key, target: object): unknown {
  return store.get(target)?.get(key);
}

function getMetadata(key: Key, target: object): unknown {
  let holder: unknown = target;
  while (holder !== null && (typeof holder === 'object' || typeof holder === 'function')) {
    const values = store.get(holder);
    if (values?.has(key) === true) return values.get(key);
    holder = Object.getPrototypeOf(holder);
  }
  return undefined;
}

function defineMetadata(key: Key, value: unknown, target: object): void {
  let values = store.get(target);
  if (values === undefined) {
    values = new Map();
    store.set(target, values);
  }
  values.set(key, value);
}

const reflect: object = Reflect;
if (!('getMetadata' in reflect)) {
  Object.assign(reflect, { getMetadata, getOwnMetadata, defineMetadata });
}
