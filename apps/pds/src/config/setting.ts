import type { BlobBucket, PdsOptions, PostgresPlace } from './config.ts'

/**
 * One setting as an operator sees it: its environment variable (the names of the reference PDS, so that a `pds.env`
 * moves over), an optional flag, what it means, and how its text becomes a value.
 */
export interface Setting {
  readonly env: string
  readonly flag?: string
  readonly placeholder?: string
  readonly description: string
  readonly default: string
  readonly apply: (text: string, draft: Draft) => void
}

/** Options being put together; service endpoints arrive as two settings each, the bucket of blobs as eight, the database as three, Redis as two. */
export interface Draft {
  options: { -readonly [K in keyof PdsOptions]?: PdsOptions[K] }
  postgres: { -readonly [K in keyof PostgresPlace]?: PostgresPlace[K] }
  redis: { url?: string; password?: string }
  bucket: { -readonly [K in keyof BlobBucket]?: BlobBucket[K] }
  services: Map<'appView' | 'reportService' | 'modService', { url?: string; did?: string }>
}
