import { zstdDecompressSync } from 'node:zlib'
import type { CreateDecompress } from './zstd.ts'

/** Node's own zstd. */
export const createDecompress: CreateDecompress | null = (dictionary) => (frame, maxBytes) =>
  zstdDecompressSync(frame, { dictionary, maxOutputLength: maxBytes })
