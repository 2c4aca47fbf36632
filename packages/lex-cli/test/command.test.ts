// The command itself, as a process.
import { spawn } from 'node:child_process'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { folder, lexicon, record, write } from './support.ts'

const main = join(import.meta.dirname, '../src/main.ts')

function start(cwd: string, args: string[]) {
  const child = spawn(process.execPath, [main, ...args], { cwd, stdio: 'pipe' })
  const output = { out: '', err: '' }
  child.stdout.on('data', (chunk: Buffer) => (output.out += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (output.err += chunk.toString()))
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
  onTestFinished(() => void child.kill())
  return { child, output, ended }
}

async function run(cwd: string, ...args: string[]) {
  const { output, ended } = start(cwd, args)
  const code = await ended
  return { code, ...output }
}

const good = lexicon(
  'com.example.post',
  record({ text: { type: 'string', maxGraphemes: 10, maxLength: 100 } }),
)

describe('avocet-lex', () => {
  it('installs, checks, generates and shows', async () => {
    const cwd = await folder({ 'source/post.json': good })
    expect(await run(cwd, 'install', 'com.example.post', '--from', 'source')).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^new {5}com\.example\.post bafyrei/),
    })
    expect(await run(cwd, 'check')).toEqual({ code: 0, out: '1 lexicons: 0 errors, 0 warnings\n', err: '' })
    expect(await run(cwd, 'generate', '--out', 'code')).toEqual({
      code: 0,
      out: 'code: 2 files, 2 changed\n',
      err: '',
    })
    expect(await readFile(join(cwd, 'code/index.ts'), 'utf8')).toContain(
      "export * as ComExamplePost from './com.example.post.ts'",
    )
    expect((await run(cwd, 'show', 'com.example.post')).out).toBe(
      'com.example.post\n\nmain: record (key: tid)\n  “A record.”\n  text?: string (maxGraphemes 10, maxLength 100)\n\n',
    )
    expect((await run(cwd, 'show', 'app.bsky.feed.getTimeline')).out).toContain(
      'limit?: integer (minimum 1, maximum 100, default 50)',
    )
    expect(JSON.parse((await run(cwd, 'show', 'com.example.post', '--json')).out)).toEqual(good)
  }, 30_000)

  it('fails with an exit code and says why', async () => {
    const cwd = await folder({
      'lexicons/post.json': lexicon('com.example.post', record({ text: { type: 'string' } })),
    })
    expect(await run(cwd, 'check')).toMatchObject({
      code: 0,
      out: expect.stringContaining('warning [string-limit]'),
    })
    expect(await run(cwd, 'check', '--strict')).toMatchObject({ code: 1 })
    await write(cwd, { 'old/post.json': good })
    expect(await run(cwd, 'check', '--against', 'old')).toMatchObject({
      code: 1,
      out: expect.stringContaining('error [breaking]'),
    })
    expect(await run(cwd, 'check', 'none')).toMatchObject({ code: 1 })
    expect(await run(cwd, 'install', 'com.example.none', '--from', 'old')).toMatchObject({
      code: 1,
      err: expect.stringContaining('not in old'),
    })
    await write(cwd, { 'lexicons/broken.json': '{' })
    expect(await run(cwd, 'generate')).toMatchObject({
      code: 1,
      err: expect.stringContaining('broken.json error [json]'),
    })
    expect(await run(cwd, 'show', 'nonsense')).toMatchObject({
      code: 1,
      err: expect.stringContaining('invalid-nsid'),
    })
  }, 30_000)

  it('generates again when a file changes, until it is stopped', async () => {
    const cwd = await folder({ 'lexicons/post.json': good })
    const { child, output, ended } = start(cwd, ['generate', '--watch', '--out', 'code'])
    const until = async (text: string) => {
      for (let i = 0; i < 200 && !(output.out + output.err).includes(text); i++) await delay(50)
      expect(output.out + output.err).toContain(text)
    }
    await until('code: 2 files, 2 changed')
    await write(cwd, { 'lexicons/like.json': lexicon('com.example.like', record({})) })
    await until('code: 3 files, 2 changed')
    await write(cwd, { 'lexicons/like.json': '{' })
    await until('like.json error [json]')
    await rm(join(cwd, 'lexicons/like.json'))
    await until('code: 2 files, 1 changed')
    child.kill('SIGTERM')
    expect(await ended).toBe(0)
  }, 30_000)
})
