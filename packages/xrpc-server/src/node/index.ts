export { createAddressReader, type TrustProxy } from './address.ts'
export { nodeHandler, type NodeHandler, type NodeHandlerOptions } from './handler.ts'
export { serve, type ServeOptions, type Serving } from './serve.ts'
export { createUpgrader, type Upgrader, type UpgraderOptions } from './upgrade.ts'
