// The operator's zstd dictionary. https://github.com/facebook/zstd/blob/dev/doc/zstd_compression_format.md#dictionary-format

import { readFileSync } from 'node:fs'
import { parseDictionaryId } from '@avocet/jetstream/wire'
import { IndexerError } from '../errors.ts'
import type { StreamDictionary } from './shapes.ts'

/** Reads a dictionary, as `zstd --train` writes them. @throws IndexerError `bad-config` */
export function readDictionary(file: string): StreamDictionary {
  let bytes: Uint8Array
  try {
    bytes = readFileSync(file)
  } catch (cause) {
    throw new IndexerError('bad-config', `Cannot read the dictionary ${file}: ${(cause as Error).message}`, {
      cause,
    })
  }
  const id = parseDictionaryId(bytes)
  if (id === null) throw new IndexerError('bad-config', `Not a zstd dictionary: ${file}`)
  return { id, bytes }
}

/** Answers `getZstdDictionary`: a dictionary never changes under its id. */
export function dictionaryAnswer(dictionary: StreamDictionary | null): Response {
  if (dictionary === null) {
    const body = { error: 'NotFound', message: 'there is no dictionary here' }
    return Response.json(body, { status: 404 })
  }
  return new Response(new Uint8Array(dictionary.bytes), {
    headers: {
      'content-type': 'application/octet-stream',
      'cache-control': 'public, max-age=3600',
      'x-zstd-dictionary-id': String(dictionary.id),
    },
  })
}
