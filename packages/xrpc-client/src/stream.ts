export type { Link, Target } from './connection.ts'
export { XrpcClientError } from './error.ts'
export { follow, streamUrl, type Wire } from './follow.ts'
export type { ConnectInfo, DisconnectInfo, FollowOptions, StreamIterator } from './stream-types.ts'
