// A developer's first hour with a lexicon of others: it is published from an account on a PDS and found by its NSID through
// the DNS; avocet-lex installs it and generates code; the code writes a record to that PDS and reads it back, typed.
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { freePort, type Service, startService } from '@avocet/network'
import { createServer, Packet } from 'dns2'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { procedure } from '../support/network.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '../..')
const folder = mkdtempSync(join(tmpdir(), 'avocet-lexicon-'))
const project = join(folder, 'project')

const NOTE = {
  lexicon: 1,
  id: 'org.community.notes.note',
  defs: {
    main: {
      type: 'record',
      description: 'A note.',
      key: 'tid',
      record: {
        type: 'object',
        required: ['text', 'createdAt'],
        properties: {
          text: { type: 'string', maxGraphemes: 10, maxLength: 100 },
          mood: { type: 'ref', ref: 'org.community.notes.defs#mood' },
          about: { type: 'ref', ref: 'com.atproto.repo.strongRef' },
          createdAt: { type: 'string', format: 'datetime' },
        },
      },
    },
  },
}
const DEFS = {
  lexicon: 1,
  id: 'org.community.notes.defs',
  defs: {
    mood: { type: 'object', required: ['level'], properties: { level: { type: 'integer', maximum: 5 } } },
  },
}

let plc: Service | undefined
let pds: Service | undefined
let account: { did: string; accessJwt: string }
let dnsPort = 0
const dns = createServer({
  udp: true,
  handle: (request, send) => {
    const response = Packet.createResponseFromRequest(request)
    const [question] = request.questions
    if (question?.name === '_lexicon.notes.community.org') {
      response.answers.push({
        name: question.name,
        type: Packet.TYPE.TXT,
        class: Packet.CLASS.IN,
        ttl: 60,
        data: [`did=${account.did}`],
      } as never)
    } else {
      response.header.rcode = 3
    }
    void send(response)
  },
})

beforeAll(async () => {
  const ports = { plc: await freePort(), pds: await freePort() }
  const start = (app: 'plc-directory' | 'pds', port: number, healthPath: string, args: string[]) =>
    startService({
      name: app,
      app,
      args: [...args, `--port=${port}`, '--host=127.0.0.1', `--data=${join(folder, app)}`],
      url: `http://127.0.0.1:${port}`,
      healthPath,
      logFile: join(folder, `${app}.log`),
      env: { PDS_DEV_MODE: 'true', PDS_INVITE_REQUIRED: 'false' },
    })
  plc = await start('plc-directory', ports.plc, '/_health', [])
  pds = await start('pds', ports.pds, '/xrpc/_health', [`--plc-url=${plc.url}`])
  const { body } = await procedure<typeof account>(pds.url, 'com.atproto.server.createAccount', {
    handle: 'notes.test',
    email: 'notes@example.com',
    password: 'correct horse',
  })
  account = body
  const addresses = await dns.listen({ udp: { port: 0, address: '127.0.0.1' } })
  dnsPort = (addresses as unknown as { udp: { port: number } }).udp.port
  mkdirSync(project)
  // What `npm install` would have put there.
  symlinkSync(join(root, 'e2e/node_modules'), join(project, 'node_modules'))
  writeFileSync(join(project, 'package.json'), '{ "type": "module" }')
}, 60_000)

afterAll(async () => {
  await dns.close()
  await pds?.stop()
  await plc?.stop()
  rmSync(folder, { recursive: true, force: true })
})

async function publish(document: { id: string }): Promise<void> {
  const { status, body } = await procedure(
    pds!.url,
    'com.atproto.repo.putRecord',
    {
      repo: account.did,
      collection: 'com.atproto.lexicon.schema',
      rkey: document.id,
      record: { $type: 'com.atproto.lexicon.schema', ...document },
    },
    { token: account.accessJwt },
  )
  expect([status, body]).toEqual([200, expect.anything()])
}

async function avocetLex(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const command = [join(root, 'packages/lex-cli/src/main.ts'), ...args]
  try {
    const { stdout, stderr } = await run(process.execPath, command, { cwd: project })
    return { code: 0, out: stdout, err: stderr }
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string }
    return { code, out: stdout, err: stderr }
  }
}

const network = () => ['--plc-url', plc!.url, '--dns', `127.0.0.1:${dnsPort}`, '--allow-loopback']

describe('a lexicon of a community', () => {
  test('is installed by its NSID, with what it refers to, each record proved', async () => {
    await publish(NOTE)
    const incomplete = await avocetLex('install', NOTE.id, ...network())
    expect(incomplete.code).toBe(1)
    expect(incomplete.err).toContain(`org.community.notes.defs (needed by ${NOTE.id}): not-found`)
    await publish(DEFS)
    const { code, out, err } = await avocetLex('install', NOTE.id, ...network())
    expect([code, err]).toEqual([0, ''])
    expect(out).toMatch(
      /^new {5}org\.community\.notes\.defs bafyrei\w+\nnew {5}org\.community\.notes\.note bafyrei\w+\n$/,
    )
    expect(JSON.parse(readFileSync(join(project, 'lexicons/org/community/notes/note.json'), 'utf8'))).toEqual(
      NOTE,
    )
    const lock = JSON.parse(readFileSync(join(project, 'lexicons/lexicons.lock.json'), 'utf8'))
    expect(lock.lexicons[NOTE.id].source).toBe(`at://${account.did}/com.atproto.lexicon.schema/${NOTE.id}`)
  })

  test('becomes code that compiles, writes a record and reads it back typed', async () => {
    expect(await avocetLex('generate', '--out', 'src')).toMatchObject({ code: 0, err: '' })
    writeFileSync(
      join(project, 'src/use.ts'),
      `
import assert from 'node:assert/strict'
import { assertDid, currentDatetime } from '@avocet/syntax'
import { ComAtprotoRepoCreateRecord } from '@avocet/lexicons/com.atproto'
import { createClient, getRecord, passwordSession, unwrap } from '@avocet/xrpc-client'
import { OrgCommunityNotesNote } from './index.ts'

const session = await passwordSession({ service: process.argv[2]!, identifier: 'notes.test', password: 'correct horse' })
const client = createClient({ service: session })
const record = OrgCommunityNotesNote.createNote({ text: 'hello', mood: { level: 4 }, createdAt: currentDatetime() })
assert.equal(OrgCommunityNotesNote.main.validate({ ...record, text: 'much too long' }).ok, false)
const repo = session.data!.did
assertDid(repo)
const { uri } = unwrap(await client.call(ComAtprotoRepoCreateRecord.main, { input: { repo, collection: OrgCommunityNotesNote.main.nsid, record } }))
const entry = unwrap(await getRecord(client, { repo, collection: 'org.community.notes.note', rkey: uri.split('/').at(-1)! }))
const note = OrgCommunityNotesNote.main.validate(entry.value)
assert.ok(note.ok)
const level: number | undefined = note.value.mood?.level
assert.equal(level, 4)
assert.deepEqual(note.value, record)
console.log(uri)
`,
    )
    writeFileSync(
      join(project, 'tsconfig.json'),
      JSON.stringify({
        extends: join(root, 'tsconfig.web.json'),
        compilerOptions: {
          typeRoots: [join(root, 'node_modules/@types')],
          noEmit: true,
          rootDir: '/',
          composite: false,
        },
        include: ['src'],
      }),
    )
    const checked = await run(join(root, 'node_modules/.bin/tsc'), ['-p', project]).catch(
      (error: unknown) => error,
    )
    expect((checked as { stdout: string }).stdout).toBe('')
    const { stdout } = await run(process.execPath, [join(project, 'src/use.ts'), pds!.url], { cwd: project })
    expect(stdout).toContain(`at://${account.did}/org.community.notes.note/`)
  })

  test('does not change under its users: an update must be asked for', async () => {
    await publish({
      ...DEFS,
      defs: { mood: { ...DEFS.defs.mood, description: 'How one feels.' } },
    } as typeof DEFS)
    const refused = await avocetLex('install', ...network())
    expect([refused.code, refused.out]).toEqual([1, ''])
    expect(refused.err).toContain('org.community.notes.defs has changed')
    const { code, out } = await avocetLex('install', '--update', ...network())
    expect([code, out]).toEqual([
      0,
      expect.stringMatching(/^updated org\.community\.notes\.defs .*\nsame {4}org\.community\.notes\.note /),
    ])
  })

  test(
    'is what an indexer judges by, and serves queries of, without asking again',
    { timeout: 60_000 },
    async () => {
      const data = join(folder, 'indexer')
      const served = async (lexicons: string, ...flags: string[]): Promise<unknown> => {
        const port = await freePort()
        const url = `http://127.0.0.1:${port}`
        const common = [`--data=${data}`, `--port=${port}`, `--plc-url=${plc!.url}`, '--allow-loopback']
        const indexer = await startService({
          name: 'indexer',
          app: 'indexer',
          args: [
            'run',
            `--source=${pds!.url.replace('http', 'ws')}`,
            ...common,
            '--everything',
            `--lexicons=${lexicons}`,
            ...flags,
          ],
          url,
          healthPath: '/xrpc/_health',
          logFile: join(folder, 'indexer.log'),
          env: {},
        })
        try {
          const response = await fetch(`${url}/lexicons`)
          return ((await response.json()) as { lexicons: { id: string }[] }).lexicons.map(({ id }) => id)
        } finally {
          await indexer.stop()
        }
      }
      const all = [
        `${NOTE.id}.listRecords`,
        `${NOTE.id}.countRecords`,
        'com.atproto.repo.strongRef',
        DEFS.id,
        NOTE.id,
      ]
      expect(await served(NOTE.id, `--dns=127.0.0.1:${dnsPort}`)).toEqual(all)
      // No DNS server is there now.
      expect(await served(NOTE.id, '--dns=127.0.0.1:1')).toEqual(all)
      expect(await served(NOTE.id, '--dns=127.0.0.1:1', '--update-lexicons')).toEqual(all)
      const lock = join(data, 'lexicons.lock.json')
      expect(Object.keys(JSON.parse(readFileSync(lock, 'utf8')).lexicons)).toEqual([DEFS.id, NOTE.id])
      writeFileSync(lock, readFileSync(lock, 'utf8').replace('A note.', 'Another.'))
      await expect(served(NOTE.id, '--dns=127.0.0.1:1')).rejects.toThrow('indexer')
      expect(readFileSync(join(folder, 'indexer.log'), 'utf8')).toContain(`changed; nsid=${NOTE.id}`)
    },
  )

  test('that nobody publishes is not found, and the reason is said', async () => {
    const none = await avocetLex('install', 'org.community.notes.none', ...network())
    expect(none).toMatchObject({
      code: 1,
      err: expect.stringContaining('org.community.notes.none: not-found'),
    })
    const elsewhere = await avocetLex('show', 'org.elsewhere.thing', ...network())
    expect(elsewhere).toMatchObject({ code: 1, err: expect.stringContaining('no-authority') })
    const shown = await avocetLex('show', DEFS.id, '--dir', 'empty', ...network())
    expect(shown.out).toContain('#mood: object')
  })
})
