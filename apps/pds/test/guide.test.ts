import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

import type { Command } from 'commander'
import { expect, test } from 'vitest'

import { createProgram } from '../src/commands/program.ts'
import { SETTINGS } from '../src/config/settings.ts'
import { runCommand } from './command.ts'

const root = new URL('../../../', import.meta.url)
const guide = await readFile(new URL('docs/operating-a-pds.md', root), 'utf8')
const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8')

/** How a command begins, here or in a container. */
const COMMAND =
  /^(?:(?:docker compose exec (?:-T )?pds )?avocet-pds |docker compose run --rm (?:-v \S+ )?pds )(?=[a-z])/

/** Everything that is to be typed: lines of blocks, and what stands between backticks. */
function commandsOf(text: string): string[] {
  const blocks = [...text.matchAll(/^```sh\n([^`]*)^```/gm)].flatMap(([, block]) => block!.split('\n'))
  const inline = [...text.replaceAll(/^```[^`]*^```/gm, '').matchAll(/`([^`\n]+)`/g)].map(([, code]) => code!)
  return [...blocks, ...inline].filter((line) => COMMAND.test(line))
}

/** The words after the program's name; of what may be left out, options are kept. */
const wordsOf = (line: string): string[] =>
  line
    .replace(COMMAND, '')
    .replaceAll(/\$\([^)]*\)/g, 'made-up')
    .replaceAll(/\\\|\s+/g, '')
    .replaceAll(/\[(--[^\]]*)\]/g, '$1')
    .replaceAll(/\[[^\]]*\]/g, '')
    .trim()
    .split(/\s+/)

/** What is wrong with a command line, null when it could be typed. */
function wrong(line: string): string | null {
  let command: Command = createProgram({ env: {}, print: () => {}, serve: () => Promise.resolve() })
  const top = command
  const words: string[] = []
  const all = wordsOf(line)
  for (let index = 0; index < all.length; index++) {
    const word = all[index]!
    const next = command.commands.find((one) => one.name() === word)
    if (next !== undefined && words.length === 0) command = next
    else if (!word.startsWith('--')) words.push(word)
    else {
      const option = [...command.options, ...top.options].find(({ long }) => long === word)
      if (option === undefined) return `no option ${word}`
      if (option.required) index++
    }
  }
  if (command === top) return 'no such command'
  // Named without what it works on, it is spoken of, not to be typed.
  if (words.length === 0) return null
  const { registeredArguments } = command
  const required = registeredArguments.filter((argument) => argument.required).length
  const fits = words.length >= required && words.length <= registeredArguments.length
  return fits || command.commands.length > 0 ? null : `other arguments: ${words.join(' ')}`
}

const commands = [...new Set([...commandsOf(guide), ...commandsOf(readme)])]

test('there are commands to check, and the check finds what is wrong', () => {
  expect(commandsOf(guide).length).toBeGreaterThan(25)
  expect(wrong('avocet-pds nothing')).toBe('no such command')
  expect(wrong('avocet-pds backup --checks folder')).toBe('no option --checks')
  expect(wrong('docker compose exec pds avocet-pds restore a b')).toBe('other arguments: a b')
})

test.each(commands.filter((line) => !line.includes('…')))('%s', (line) => {
  expect(wrong(line)).toBeNull()
})

test('each command of the guide answers --help', async () => {
  const names = new Set<string>()
  for (const line of commandsOf(guide)) {
    const [name = '', sub = ''] = wordsOf(line)
    names.add(name === 'account' || name === 'invite' ? `${name} ${sub}` : name)
  }
  for (const name of names) {
    const program = createProgram({ env: {}, print: () => {}, serve: () => Promise.resolve() })
    let shown = ''
    const collect = (command: Command): void => {
      command.configureOutput({ writeOut: (text) => (shown += text) }).exitOverride()
      command.commands.forEach(collect)
    }
    collect(program)
    await expect(program.parseAsync([...name.split(' '), '--help'], { from: 'user' })).rejects.toThrow(
      '(outputHelp)',
    )
    expect(shown).toContain(`Usage: avocet-pds ${name}`)
  }
  expect(names.size).toBeGreaterThan(12)
})

test('settings and files that the guide names are there', () => {
  const settings = new Set(SETTINGS.map(({ env }) => env))
  const named = new Set([...guide.matchAll(/\b(PDS_[A-Z0-9_]+)\b/g)].map(([, name]) => name!))
  expect([...named].filter((name) => !settings.has(name))).toEqual([])
  const files = [...guide.matchAll(/\b(deploy\/pds\/[a-z.-]+[a-z]|scripts\/[a-z]+\.ts)\b/g)].map(
    ([, file]) => file!,
  )
  expect(
    files.filter((file) => !existsSync(fileURLToPath(new URL(file, root))) && file !== 'deploy/pds/data'),
  ).toEqual([])
  const links = [...guide.matchAll(/\]\(#([a-z_-]+)\)/g)].map(([, anchor]) => anchor!)
  const headings = [...guide.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replaceAll(/[^a-z0-9 _-]/g, '')
      .replaceAll(' ', '-'),
  )
  expect(links.filter((anchor) => !headings.includes(anchor))).toEqual([])
})

test('the messages in the guide are those of the program', async () => {
  const sources = await Promise.all(
    [
      'config/data-directory.ts',
      'config/secrets.ts',
      'config/explain-failure.ts',
      'stores/sqlite/upgrade.ts',
      'commands/backup.ts',
      'commands/verify-backup.ts',
      'config/environment.ts',
      'blobs/blob-place.ts',
      'stores/postgres/use.ts',
    ].map((file) => readFile(new URL(`../src/${file}`, import.meta.url), 'utf8')),
  )
  const text = sources.join('\n')
  const messages = [...guide.matchAll(/^\| `([^`]+)` \| .+ \|$/gm)].map(([, message]) => message!.split('…'))
  expect(messages.length).toBeGreaterThan(10)
  const constant = (parts: readonly string[]): string =>
    parts.map((part) => part.trim()).toSorted((a, b) => b.length - a.length)[0]!
  const missing = messages.map(constant).filter((part) => !text.includes(part.replace(/^: /, '')))
  expect(missing).toEqual([])
})

test('the program itself shows its commands', async () => {
  const { code, stdout } = await runCommand(['backup', '--help'])
  expect([code, stdout.split('\n')[0]]).toEqual([0, 'Usage: avocet-pds backup [options] <folder>'])
})
