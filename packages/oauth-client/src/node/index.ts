export { createKeyset, type Keyset } from './keyset.ts'
export { createNodeOAuthClient, type NodeClientOptions } from './node-client.ts'
