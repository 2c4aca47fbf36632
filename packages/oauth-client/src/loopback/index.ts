export { createFileStores, type FileStores } from './file-stores.ts'
export {
  createLoopbackClient,
  type LoopbackClient,
  type LoopbackClientOptions,
  type LoopbackSignInOptions,
} from './loopback-client.ts'
