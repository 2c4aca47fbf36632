import type { GateLimits } from './gates.ts'

/** Bounds of a host. */
export interface RepoHostLimits {
  /** Most bytes of one blob. */
  readonly blobBytes: number
  /** Most bytes of an archive; null for no bound. */
  readonly importBytes: number | null
  /** Whether repositories may be imported. */
  readonly acceptsImports: boolean
  /** Uploads, imports and exports at a time. */
  readonly uploads: GateLimits
  readonly imports: GateLimits
  readonly exports: GateLimits
  /** Bytes that a subscriber may leave unread before it is cut off. */
  readonly streamBytes: number
  readonly subscribers: number
  readonly subscribersPerAddress: number
}

/** The bounds of a host unless it is told otherwise. */
export const REPO_HOST_LIMITS: RepoHostLimits = {
  blobBytes: 50_000_000,
  importBytes: null,
  acceptsImports: true,
  // Each upload holds a file and a chunk, each import what its archive makes it remember, each export a small repository or a
  // view of a large one: for as long as the other side takes.
  uploads: { total: 400, perAccount: 8, perAddress: 20 },
  imports: { total: 8, perAccount: 1, perAddress: 2 },
  exports: { total: 64, perAccount: 16, perAddress: 16 },
  // A subscriber that reads nothing holds so much until it is cut off; readers of the log's past share what they read.
  streamBytes: 256 * 1024,
  subscribers: 1000,
  subscribersPerAddress: 50,
}
