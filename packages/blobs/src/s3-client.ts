// https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
import { setTimeout as sleep } from 'node:timers/promises'

import { AwsClient } from 'aws4fetch'

import { BlobError, type BlobErrorCode } from './error.ts'
import type { ByteRange } from './range.ts'
import { readErrorCode, readPage, readText, type S3Page } from './s3-answers.ts'
import { bucketUrl, type S3Options } from './s3-options.ts'

/** The five requests that a store of blobs makes of a bucket. Each is sent again when it fails in a way that may pass. */
export interface S3Client {
  /** Stores an object whole or not at all. @param sha256 of the body, in hex: the service compares */
  put(key: string, body: Blob, sha256: string): Promise<void>
  /** An object or a range of it, of which the head has arrived; null when it is not there. */
  get(key: string, range?: ByteRange): Promise<Response | null>
  remove(key: string): Promise<void>
  /** Keys in order, `pageSize` of them or fewer. */
  list(prefix: string, options?: ListOptions): Promise<S3Page>
  /** The longest wait for the next bytes of an answer, in milliseconds. */
  readonly silenceMs: number
  readonly attempts: number
}

/** Which page to list. */
export interface ListOptions {
  readonly delimiter?: '/'
  /** The `marker` of the page before. */
  readonly marker?: string
  readonly limit?: number
}

interface Call {
  readonly method: 'GET' | 'PUT' | 'DELETE'
  readonly headers?: Record<string, string>
  readonly body?: Blob
  /** Ends all attempts. */
  readonly deadline?: AbortSignal
  /** Statuses that are an answer, beside those of success. */
  readonly also?: readonly number[]
}

const EMPTY_SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

/** Codes of errors that pass although their status does not say so. */
const PASSING: ReadonlySet<string> = new Set([
  'RequestTimeout',
  'SlowDown',
  'OperationAborted',
  'InternalError',
])

/** @throws BlobError `invalid-option` */
export function createS3Client(options: S3Options): S3Client {
  const {
    uploadTimeoutMs = 20_000,
    attempts = 4,
    retryMs = 100,
    pageSize = 1000,
    fetch = globalThis.fetch,
  } = options
  const silenceMs = options.requestTimeoutMs ?? Math.max(Math.min(uploadTimeoutMs, 15_000), 6000)
  const base = bucketUrl(options)
  const { accessKeyId, secretAccessKey, sessionToken, region = 'us-east-1' } = options
  const signer = new AwsClient({
    accessKeyId,
    secretAccessKey,
    region,
    service: 's3',
    ...(sessionToken === undefined ? {} : { sessionToken }),
  })
  const where = `bucket=${options.bucket} service=${base.origin}`

  const urlOf = (key: string, query: Readonly<Record<string, string>> = {}): string => {
    const url = new URL(base)
    if (key !== '')
      url.pathname = `${url.pathname.replace(/\/$/, '')}/${key.split('/').map(encodeURIComponent).join('/')}`
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
    return url.href
  }

  /** Sends a request once. The service has so long to begin its answer; a body to send has its own deadline. */
  const once = async (url: string, { method, headers, body, deadline }: Call): Promise<Response> => {
    const request = await signer.sign(url, {
      method,
      headers: { 'x-amz-content-sha256': EMPTY_SHA256, ...headers },
      ...(body === undefined ? {} : { body }),
    })
    // Bytes as they are. Not signed: services and proxies change this header on the way.
    request.headers.set('accept-encoding', 'identity')
    const silence = new AbortController()
    const timer =
      body === undefined
        ? setTimeout(() => silence.abort(new DOMException('no answer in time', 'TimeoutError')), silenceMs)
        : undefined
    const signal = deadline === undefined ? silence.signal : AbortSignal.any([deadline, silence.signal])
    try {
      return await fetch(request, { redirect: 'manual', signal })
    } finally {
      clearTimeout(timer)
    }
  }

  const ask = async (url: string, call: Call): Promise<Response> => {
    for (let attempt = 1; ; attempt++) {
      let failure: BlobError
      try {
        const response = await once(url, call)
        if (response.ok || call.also?.includes(response.status) === true) return response
        const [error, passes] = await failureOf(response, where)
        if (!passes) throw error
        failure = error
      } catch (error) {
        if (error instanceof BlobError) throw error
        failure = new BlobError('unavailable', `the store of blobs does not answer; ${where}`, {
          cause: error,
        })
      }
      if (call.deadline?.aborted === true) {
        throw new BlobError('timeout', `the store of blobs was too slow; ${where} ms=${uploadTimeoutMs}`, {
          cause: failure,
        })
      }
      if (attempt >= attempts) throw failure
      // Not all at once: half of the wait is left to chance.
      const wait = retryMs * 2 ** (attempt - 1) * (0.5 + Math.random())
      await sleep(wait, undefined, call.deadline === undefined ? {} : { signal: call.deadline }).catch(
        () => {},
      )
    }
  }

  return {
    silenceMs,
    attempts,
    put: async (key, body, sha256) => {
      const response = await ask(urlOf(key), {
        method: 'PUT',
        body,
        headers: { 'x-amz-content-sha256': sha256, 'content-type': 'application/octet-stream' },
        deadline: AbortSignal.timeout(uploadTimeoutMs),
      })
      await response.body?.cancel()
    },
    get: async (key, range) => {
      const headers: Record<string, string> =
        range === undefined ? {} : { range: `bytes=${range.start}-${range.end}` }
      const response = await ask(urlOf(key), { method: 'GET', headers, also: [404] })
      if (response.status !== 404) {
        if (range === undefined) return response
        const told = response.headers.get('content-range') ?? ''
        if (response.status === 206 && told.startsWith(`bytes ${range.start}-${range.end}/`)) return response
        await response.body?.cancel()
        throw new BlobError('unavailable', `the store of blobs gave another range than asked for; ${where}`)
      }
      const code = readErrorCode(await readText(response))
      if (code === 'NoSuchBucket') throw new BlobError('not-found', `the bucket does not exist; ${where}`)
      return null
    },
    remove: async (key) => {
      const response = await ask(urlOf(key), { method: 'DELETE', also: [404] })
      const code = response.status === 404 ? readErrorCode(await readText(response)) : ''
      if (code === 'NoSuchBucket') throw new BlobError('not-found', `the bucket does not exist; ${where}`)
      await response.body?.cancel()
    },
    list: async (prefix, { delimiter, marker, limit = pageSize } = {}) => {
      // The first version of the listing goes on from a name, not from a token: every service knows it.
      const response = await ask(
        urlOf('', {
          prefix,
          'max-keys': String(limit),
          ...(delimiter === undefined ? {} : { delimiter }),
          ...(marker === undefined ? {} : { marker }),
        }),
        { method: 'GET' },
      )
      return readPage(await readText(response))
    },
  }
}

/** What an answer without success means, and whether the same request may have another answer later. */
async function failureOf(response: Response, where: string): Promise<[error: BlobError, passes: boolean]> {
  const { status, headers } = response
  const code = readErrorCode(await readText(response).catch(() => ''))
  const told = `${where} status=${status} code=${code}`
  const fail = (kind: BlobErrorCode, text: string): BlobError => new BlobError(kind, `${text}; ${told}`)
  if (status >= 500 || status === 429 || status === 408 || PASSING.has(code)) {
    return [fail('unavailable', 'the store of blobs does not answer'), true]
  }
  if (code === 'NoSuchBucket') return [fail('not-found', 'the bucket does not exist'), false]
  if (code.endsWith('SHA256Mismatch') || code === 'BadDigest') {
    return [fail('damaged', 'the store of blobs got other bytes than were sent'), true]
  }
  if (status >= 300 && status < 400) {
    const region = headers.get('x-amz-bucket-region')
    return [fail('invalid-option', `the bucket is elsewhere; region=${region ?? 'unknown'}`), false]
  }
  if (status === 404) return [fail('not-found', 'the store of blobs has no such bucket'), false]
  return [fail('denied', 'the store of blobs refuses the request'), false]
}
