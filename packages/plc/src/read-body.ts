import { PlcError } from './error.ts'

/** The body as text. @throws {PlcError} `too-large` past `maxBytes` */
export async function readText(response: Response, maxBytes: number): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  let size = 0
  for await (const chunk of chunksOf(response)) {
    size += chunk.length
    if (size > maxBytes) throw new PlcError('too-large', `answer is too large; max=${maxBytes}`)
    text += decoder.decode(chunk, { stream: true })
  }
  return text + decoder.decode()
}

/** The lines of the body that are not empty. @throws {PlcError} `too-large` for a longer line or more lines */
export async function* readLines(
  response: Response,
  maxLineBytes: number,
  maxLines: number,
): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder()
  let rest = ''
  let count = 0
  for await (const chunk of chunksOf(response)) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > maxLineBytes) throw new PlcError('too-large', `line is too large; max=${maxLineBytes}`)
    for (const line of lines) {
      if (line === '') continue
      if (++count > maxLines) throw new PlcError('too-large', `answer has too many lines; max=${maxLines}`)
      yield line
    }
  }
  const last = rest + decoder.decode()
  if (last === '') return
  if (++count > maxLines) throw new PlcError('too-large', `answer has too many lines; max=${maxLines}`)
  yield last
}

/** The reader is cancelled however the loop over it ends, so a connection is never left open. */
async function* chunksOf(response: Response): AsyncGenerator<Uint8Array, void, undefined> {
  if (response.body === null) return
  const reader = response.body.getReader()
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      yield value
    }
  } finally {
    await reader.cancel().catch(() => undefined)
  }
}
