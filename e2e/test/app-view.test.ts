// docs/app-view.md as a stranger follows it: outside of the workspace, with our packages from tarballs, every file and every command in their
// order. Then the page that comes of it, in a browser: signing in, writing, what others write, searching, and what people write who mean harm.
import { readdirSync, readFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'

import { freePort } from '@avocet/network'
import { hasChromium, launchChromium } from '@avocet/testing/chromium'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { ACCESSIBLE, judgeAccess } from '../support/accessible.ts'
import {
  type Block,
  blocksOf,
  commandsOf,
  runCommand,
  startCommand,
  type Workplace,
  writeBlock,
} from '../support/guide.ts'
import { procedure } from '../support/network.ts'
import { installPacked } from '../support/packed.ts'
import { typePassword } from '../support/pds.ts'
import type { Running } from '../support/running.ts'

const root = join(import.meta.dirname, '../..')
const example = join(root, 'examples/app-view')
const guide = readFileSync(join(root, 'docs/app-view.md'), 'utf8')
const NOTE = 'com.example.reading.note'
const BOOK = 'com.example.reading.book'
const PASSWORD = 'correct horse'

/** Commands that ask the indexer. */
const ASKS = /^curl 'http:\/\/localhost:2584|^npx avocet-indexer coverage/

const blocks = blocksOf(guide)
const isFile = ({ name }: Block): boolean => name.includes('.')

test('the files of the guide are those of the example', () => {
  const lexicons = 'lexicons/com/example/reading'
  const kept = [
    ...readdirSync(example).filter((name) => /\.(?:ts|html|css)$/.test(name)),
    ...readdirSync(join(example, lexicons)).map((name) => `${lexicons}/${name}`),
  ]
  const files = blocks.filter(isFile)
  expect(files.map(({ name }) => name).toSorted()).toEqual(kept.toSorted())
  for (const { name, text } of files) expect(text, name).toBe(readFileSync(join(example, name), 'utf8'))
})

/** What is installed in the first step: ours without the scope, and others. */
const install = blocks.find(({ name }) => name === 'install')!
const named = [...install.text.matchAll(/^npm install (.*)$/gm)]
  .flatMap(([, names = '']) => names.split(' '))
  .filter((name) => !name.startsWith('--'))
const ours = named.filter((name) => name.startsWith('@avocet/')).map((name) => name.slice('@avocet/'.length))
const installed = installPacked(
  ours,
  named.filter((name) => !name.startsWith('@avocet/')),
)
afterAll(() => installed?.[Symbol.dispose]())

describe.skipIf(installed === null)('outside of the workspace', () => {
  const packed = installed!
  /** Ports of the guide, and those that are free. */
  const ports = new Map<string, number>()
  /** By the command, as the guide has it. */
  const running = new Map<string, Running>()
  /** What commands wrote, by how they begin. */
  const said = new Map<string, string>()
  let workplace: Workplace

  /** The same with the ports that are free. */
  const here = (text: string): string =>
    text.replaceAll(/(?<=(?:localhost|127\.0\.0\.1):)\d+/g, (port) => String(ports.get(port)))
  const at = (port: number): string => here(`http://localhost:${port}`)

  function stay(command: string): Promise<unknown> {
    const program = startCommand(workplace, here(command))
    running.set(command, program)
    return program.wrote(/ready/)
  }

  // Those behind it need what it leaves.
  test('every file and every command, in their order', { timeout: 240_000 }, async () => {
    for (const port of ['2582', '2583', '2584', '3000']) ports.set(port, await freePort())
    const path = [join(packed.folder, 'node_modules/.bin'), dirname(process.execPath), process.env['PATH']]
    const [plc, pds, indexer] = ['2582', '2583', '2584'].map((port) => String(ports.get(port)))
    const env = { PATH: path.join(delimiter), PLC_PORT: plc!, PDS_PORT: pds!, AVOCET_PORT: indexer! }
    workplace = { folder: packed.folder, env }
    for (const block of blocks) {
      if (isFile(block)) writeBlock(workplace, { ...block, text: here(block.text) })
      if (block.lang !== 'sh' || block === install) continue
      for (const command of commandsOf(block)) {
        if (block.name === 'stays') await stay(command)
        // Against the network nothing is run here; that the flags are right is seen by what would be served with them.
        else if (block.name === 'deploy')
          await runCommand(workplace, here(command).replace(' run ', ' lexicons '))
        else if (ASKS.test(command)) {
          // What was written is indexed, and counted, a moment later.
          const ask = async (): Promise<string> => (await runCommand(workplace, here(command))).stdout
          await expect
            .poll(ask, { message: command, timeout: 60_000 })
            .toMatch(/Middlemarch|"count":1|1 known, 1 complete/)
        } else said.set(command.split(' ', 3).join(' '), (await runCommand(workplace, here(command))).stdout)
      }
    }

    expect(said.get('npx avocet-lex check')).toBe('2 lexicons: 0 errors, 0 warnings\n')
    // The second time, from what the flags say without an indexer.
    expect(said.get('npx avocet-lex generate')).toMatch(/^generated: \d+ files, 0 changed\n$/)
  })
  afterAll(() => Promise.all([...running.values()].map((program) => program.stop())))

  test('the code is the one that the example has in the workspace', () => {
    const read = (folder: string): [string, string][] =>
      readdirSync(folder)
        .filter((name) => name.endsWith('.ts'))
        .map((name) => [name, readFileSync(join(folder, name), 'utf8')])
    expect(read(join(packed.folder, 'generated'))).toEqual(read(join(example, 'generated')))
  })

  describe.skipIf(!hasChromium('the page of the guide'))('with a browser', () => {
    let browser: Browser
    let reader: Page
    beforeAll(async () => {
      browser = await launchChromium()
      reader = await open()
    })
    afterAll(() => browser?.close())

    async function open(): Promise<Page> {
      const page = await (await browser.newContext()).newPage()
      await page.goto(here('http://127.0.0.1:3000/'))
      return page
    }
    const noted = (page: Page, text: string) => page.locator('#notes li').filter({ hasText: text })

    type Ref = { uri: string; cid: string }

    /** @returns what writes a record of a new account, without asking whether it is valid */
    async function newAccount(name: string): Promise<(collection: string, fields: object) => Promise<Ref>> {
      const call = async <T>(method: string, input: object, token?: string): Promise<T> => {
        const options = token === undefined ? {} : { token }
        const { status, body } = await procedure<T>(at(2583), method, input, options)
        expect(status, JSON.stringify(body)).toBe(200)
        return body
      }
      const account = { handle: `${name}.test`, email: `${name}@example.com`, password: PASSWORD }
      type Session = { did: string; accessJwt: string }
      const { did, accessJwt } = await call<Session>('com.atproto.server.createAccount', account)
      return async (collection, fields) => {
        const record = { $type: collection, createdAt: new Date().toISOString(), ...fields }
        const input = { repo: did, collection, record }
        const { uri, cid } = await call<Ref>('com.atproto.repo.createRecord', input, accessJwt)
        return { uri, cid }
      }
    }

    test('who signs in writes, others see it at once, and find it', async () => {
      const page = await open()
      await page.getByLabel('Handle').fill('alice.test')
      await page.getByRole('button', { name: 'Sign in' }).click()
      await page.waitForURL((to) => to.port === String(ports.get('2583')))
      await typePassword(page, PASSWORD)
      await page.getByRole('button', { name: 'Allow', exact: true }).click()
      await page.getByText('alice.test', { exact: true }).waitFor()

      await page.getByLabel('Title').fill('Walden')
      await page.getByLabel('Writer').fill('Henry David Thoreau')
      await page.getByRole('button', { name: 'Add book' }).click()
      await page.getByRole('button', { name: 'Walden' }).click()
      await page.getByLabel('Note').fill('Über den Teich: a heron')
      await page.getByRole('button', { name: 'Add note' }).click()
      // No reload: the other window follows the log.
      await noted(reader, 'a heron').waitFor()
      expect(await noted(reader, 'a heron').locator('small').textContent()).toBe('alice.test on Walden')
      await reader.locator('#books li', { hasText: 'Walden' }).getByText('1 notes').waitFor()

      await reader.getByLabel('Search').fill('teich her*')
      await reader.getByRole('button', { name: 'Search' }).click()
      await expect.poll(() => reader.locator('mark').allTextContents()).toEqual(['Teich', 'heron'])
      expect(await reader.locator('#notes p').allTextContents()).toEqual(['Über den Teich: a heron'])

      await noted(page, 'a heron').getByRole('button', { name: 'Delete' }).click()
      await expect.poll(() => reader.locator('#notes li').count()).toBe(0)
      await reader.getByRole('button', { name: 'All notes' }).click()
      await noted(reader, 'Dorothea reads aloud').waitFor()
      expect(await noted(reader, 'a heron').count()).toBe(0)
      await page.context().close()
    })

    test('what happens while the indexer is killed is on the page when it is back', async () => {
      const [command, indexer] = [...running].find(([one]) => one.includes('avocet-indexer run'))!
      indexer.process.kill('SIGKILL')
      await indexer.ended
      const write = await newAccount('carol')
      await write(BOOK, { title: 'Ulysses' })
      await stay(command)
      await reader.getByRole('button', { name: 'Ulysses' }).waitFor()
      expect(await reader.locator('#trouble').textContent()).toBe('')
    })

    test('what happens between the first answer and the stream is on the page', async () => {
      const write = await newAccount('dave')
      const phone = { viewport: { width: 360, height: 640 }, bypassCSP: true }
      const page = await (await browser.newContext(phone)).newPage()
      await page.route('**/stream?*', async (route) => {
        await page.getByRole('button', { name: 'Ulysses' }).waitFor()
        await write(BOOK, { title: 'Emma' })
        await reader.getByRole('button', { name: 'Emma' }).waitFor()
        await route.continue()
      })
      await page.goto(here('http://127.0.0.1:3000/'))
      await page.getByRole('button', { name: 'Emma' }).waitFor()
      expect(await judgeAccess(page)).toEqual(ACCESSIBLE)
      await page.context().close()
    })

    test('what people write is text, whatever it is', async () => {
      const write = await newAccount('mallory')
      const bad = '<img src=x onerror="globalThis.pwned=1"><script>globalThis.pwned=1</script>'
      const book = await write(BOOK, { title: bad, writer: `</button>${bad}` })
      const note = await write(NOTE, { book, text: `"'>${bad}<svg onload=globalThis.pwned=1> needle` })
      // Not about a book; not valid.
      await write(NOTE, { book: note, text: 'about a note' })
      await write(NOTE, { book, text: 5 })
      await write(NOTE, { book, text: 'the last one' })

      await noted(reader, 'the last one').waitFor()
      await noted(reader, 'needle').waitFor()
      expect(await noted(reader, 'needle').locator('p').textContent()).toBe(
        `"'>${bad}<svg onload=globalThis.pwned=1> needle`,
      )
      expect(await noted(reader, 'needle').locator('cite').textContent()).toBe(bad)
      expect(await noted(reader, 'about a note').locator('cite').textContent()).toBe('?')
      expect(await reader.locator('#books bdi').allTextContents()).toContain(`</button>${bad}`)
      expect(await reader.locator('#notes li').count()).toBe(4)
      await reader.getByLabel('Search').fill('needle')
      await reader.getByRole('button', { name: 'Search' }).click()
      await expect.poll(() => reader.locator('mark').allTextContents()).toEqual(['needle'])
      expect(await reader.locator('img, svg, #notes script, #books script').count()).toBe(0)
      expect(await reader.evaluate(() => 'pwned' in globalThis)).toBe(false)
    })
  })
})
