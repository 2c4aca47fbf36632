import type { CreateDecompress } from './zstd.ts'

/** `DecompressionStream` takes no dictionary. */
export const createDecompress: CreateDecompress | null = null
