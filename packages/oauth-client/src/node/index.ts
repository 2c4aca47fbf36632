export { createOAuthBackend, type OAuthBackend, type OAuthBackendOptions } from './backend.ts'
export { createKeyset, type Keyset } from './keyset.ts'
export { createNodeOAuthClient, type NodeClientOptions } from './node-client.ts'
