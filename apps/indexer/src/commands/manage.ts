// The commands of the operator on the command line: each is one question to the admin API of a running indexer.

import { setTimeout as delay } from 'node:timers/promises'
import { type Command, Option } from 'commander'
import { readToken } from '../admin/door.ts'
import { defaults, parseDids, parseHttpUrl } from '../config.ts'
import { IndexerError } from '../errors.ts'
import {
  type Answer,
  ask,
  askAll,
  describeIndex,
  describeLexicons,
  describeReindex,
  describeStatus,
  type Remote,
} from './remote.ts'

type Flags = { adminUrl: string; adminTokenFile?: string; json?: boolean }
type LetterFlags = Flags & { did?: string; all?: boolean; reason?: string; limit?: string }

const WAIT_MS = 500

/** Adds the commands to the program. @param env where the token may be @param print gets what is shown */
export function addManagement(
  program: Command,
  env: NodeJS.ProcessEnv,
  print: (text: string) => void = (text) => console.log(text),
): void {
  const defaultUrl = `http://127.0.0.1:${defaults.adminPort}`
  const remoteOf = ({ adminUrl, adminTokenFile }: Flags): Remote => {
    const url = parseHttpUrl(adminUrl)
    const token = readToken(env['AVOCET_ADMIN_TOKEN'], adminTokenFile)
    if (token !== undefined) return { url, token }
    throw new IndexerError(
      'bad-config',
      'This asks a running indexer and needs its token: set AVOCET_ADMIN_TOKEN, or name a file with --admin-token-file',
    )
  }
  const prepared = (command: Command): Command =>
    command
      .addOption(new Option('--admin-url <url>', 'where it is').env('AVOCET_ADMIN_URL').default(defaultUrl))
      .addOption(
        new Option('--admin-token-file <file>', 'file with its token; else AVOCET_ADMIN_TOKEN').env(
          'AVOCET_ADMIN_TOKEN_FILE',
        ),
      )
      .addOption(new Option('--json', 'the answer as JSON'))
  const show = (flags: Flags, answer: Answer, text: string): void =>
    print(flags.json === true ? JSON.stringify(answer) : text)
  const add = (parent: Command, name: string, description: string): Command =>
    prepared(parent.command(name).description(description))

  add(program, 'status', 'what a running indexer has, and what it is at').action(async (flags: Flags) => {
    const status = await ask(remoteOf(flags), 'GET', 'status')
    show(flags, status, describeStatus(status))
  })

  add(program, 'resync', 'have repos that are followed read anew')
    .argument('<did...>')
    .action(async (dids: string[], flags: Flags) => {
      const answer = await ask(remoteOf(flags), 'POST', 'resync', { dids: parseDids(dids.join(',')) })
      show(flags, answer, `${answer['count']} repos are read anew`)
    })

  add(program, 'reindex', 'make labels and links anew from the stored records')
    .addOption(new Option('--wait', 'until it is finished'))
    .action(async (flags: Flags & { wait?: boolean }) => {
      const remote = remoteOf(flags)
      let answer = await ask(remote, 'POST', 'reindex', {})
      while (flags.wait === true && answer['reindex'].finishedAt === null) {
        await delay(WAIT_MS)
        answer = await ask(remote, 'GET', 'reindex')
      }
      show(flags, answer, describeReindex(answer['reindex']))
    })

  add(program, 'reload-lexicons', 'read lexicons and the files of queries anew, and judge records by them')
    .addOption(new Option('--wait', 'until all records are judged'))
    .action(async (flags: Flags & { wait?: boolean }) => {
      const remote = remoteOf(flags)
      let answer = await ask(remote, 'POST', 'lexicons/reload', {})
      const { notes } = answer
      while (flags.wait === true && answer['judging'].length > 0) {
        await delay(WAIT_MS)
        answer = await ask(remote, 'GET', 'lexicons')
      }
      show(flags, { ...answer, notes }, describeLexicons({ ...answer, notes }))
    })

  const letters = program
    .command('dead-letters')
    .description('events that were refused: list, retry, dismiss')
  add(letters, 'list', 'the newest first')
    .addOption(new Option('--reason <reason>', 'of this reason alone'))
    .addOption(new Option('--limit <number>', 'how many, up to 1000').default('50'))
    .action(async (flags: LetterFlags) => {
      const params = new URLSearchParams({
        limit: flags.limit!,
        ...(flags.reason === undefined ? {} : { reason: flags.reason }),
      })
      const answer = await ask(remoteOf(flags), 'GET', `dead-letters?${params.toString()}`)
      const lines = (answer['letters'] as Answer[]).map(({ id, at, reason, did, message }) =>
        [id, new Date(at).toISOString(), reason, did ?? '-', message].join('  '),
      )
      show(flags, answer, lines.length === 0 ? 'none' : lines.join('\n'))
    })
  const chosen = (command: Command): Command =>
    command
      .argument('[id...]', 'their numbers')
      .addOption(new Option('--did <did>', 'those of an account'))
      .addOption(new Option('--all', 'all of them'))
  const choiceOf = (ids: readonly string[], { did, all }: LetterFlags): object => {
    if (
      ids.every((id) => /^\d{1,15}$/.test(id)) &&
      [ids.length > 0, did !== undefined, all === true].filter(Boolean).length === 1
    ) {
      return all === true ? { all } : did === undefined ? { ids: ids.map(Number) } : { did }
    }
    throw new IndexerError('bad-config', 'Say which letters: their numbers, --did <did>, or --all')
  }
  chosen(add(letters, 'retry', 'have their repos read anew, and take them away')).action(
    async (ids: string[], flags: LetterFlags) => {
      const answer = await ask(remoteOf(flags), 'POST', 'dead-letters/retry', choiceOf(ids, flags))
      const { letters: count, repos, left } = answer
      show(
        flags,
        answer,
        `${count} letters: ${repos} repos are read anew; ${left} left, of no repo that is followed`,
      )
    },
  )
  chosen(add(letters, 'dismiss', 'take them away')).action(async (ids: string[], flags: LetterFlags) => {
    const answer = await ask(remoteOf(flags), 'POST', 'dead-letters/dismiss', choiceOf(ids, flags))
    show(flags, answer, `${answer['letters']} letters are gone`)
  })

  const repos = program.command('repos').description('repos that are named: list, add, remove')
  add(repos, 'list', 'those that are followed because they were named').action(async (flags: Flags) => {
    const all = await askAll(remoteOf(flags), 'repos', 'repos')
    const lines = all.map(({ did, status, reason }) =>
      [did, status ?? 'unread', reason ?? ''].join('  ').trimEnd(),
    )
    show(flags, { repos: all }, lines.length === 0 ? 'none' : lines.join('\n'))
  })
  for (const [name, description] of [
    ['add', 'follow them from now on, and read what they have'],
    ['remove', 'follow them no more, whatever they write, and remove what is stored of them'],
  ] as const) {
    add(repos, name, description)
      .argument('<did...>')
      .action(async (dids: string[], flags: Flags) => {
        const answer = await ask(remoteOf(flags), 'POST', `repos/${name}`, {
          dids: parseDids(dids.join(',')),
        })
        show(flags, answer, `${answer['count']} repos ${name === 'add' ? 'added' : 'removed'}`)
      })
  }

  const indexes = program
    .command('indexes')
    .description('what collections can be asked by: list, add, remove')
  add(indexes, 'list', 'each, with its progress while it is built').action(async (flags: Flags) => {
    const answer = await ask(remoteOf(flags), 'GET', 'indexes')
    const lines = (answer['indexes'] as Answer[]).map(describeIndex)
    show(flags, answer, lines.length === 0 ? 'none' : lines.join('\n'))
  })
  for (const [name, description] of [
    ['add', 'build them while everything goes on'],
    ['remove', 'drop them'],
  ] as const) {
    add(indexes, name, description)
      .argument('<index...>', 'as --index has them, such as com.example.note:topic+createdAt')
      .addOption(new Option('--search', 'for words, as --search has them'))
      .action(async (names: string[], flags: Flags & { search?: boolean }) => {
        const kind = flags.search === true ? 'search' : 'fields'
        const answer = await ask(remoteOf(flags), 'POST', `indexes/${name}`, { kind, indexes: names })
        show(flags, answer, `${answer['count']} indexes ${name === 'add' ? 'added' : 'removed'}`)
      })
  }

  const collections = program
    .command('collections')
    .description('collections that are indexed: list, add, remove')
  add(collections, 'list', 'what is indexed').action(async (flags: Flags) => {
    const answer = await ask(remoteOf(flags), 'GET', 'collections')
    show(flags, answer, (answer['collections'] as string[] | null)?.join('\n') ?? 'all')
  })
  for (const [name, description] of [
    ['add', 'look for their records, and read them of every repo that is followed'],
    ['remove', 'remove their records'],
  ] as const) {
    add(collections, name, description)
      .argument('<nsid...>', 'exact names, or namespaces ending in .*')
      .action(async (names: string[], flags: Flags) => {
        const list = names.flatMap((text) => text.split(',')).filter((text) => text !== '')
        const answer = await ask(remoteOf(flags), 'POST', `collections/${name}`, { collections: list })
        show(flags, answer, `${answer['count']} collections ${name === 'add' ? 'added' : 'removed'}`)
      })
  }
}
