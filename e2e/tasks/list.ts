// The everyday tasks of docs/from-other-libraries.md: a folder each, with the program of every library that can do it.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export const LIBRARIES = ['avocet', 'atproto', 'atcute'] as const
export type Library = (typeof LIBRARIES)[number]

/** Of a library: how the page calls it, and which packages of a program are its own. */
export const NAMES: Readonly<Record<Library, string>> = {
  avocet: 'Avocet',
  atproto: '@atproto/*',
  atcute: 'atcute',
}

/** One task. */
export interface Task {
  readonly folder: string
  readonly title: string
  /** What the programs do alike, and where they differ in what they promise. */
  readonly text: string
  /** What each of them says, where words differ. Default: they say the same. */
  readonly says?: RegExp
  /** The programs go on until they are stopped: while they run, somebody posts. */
  readonly endless?: true
  /** The programs print the URL of a page where somebody agrees. */
  readonly signsIn?: true
  /** The programs are servers, at the port PORT. */
  readonly serves?: true
  /** What writes the code that a program imports, in the folder of the task. */
  readonly commands?: Readonly<Record<Library, string>>
  /** Why a library has no program, or one that does not run here; by library. */
  readonly without?: Partial<Record<Library, string>>
}

export const TASKS: readonly Task[] = [
  {
    folder: '01-resolve',
    title: 'From a handle to a DID and a PDS',
    text: 'Avocet and atcute check that the DID names the handle, too.',
  },
  {
    folder: '02-post',
    title: 'Log in and post',
    text: 'By an app password. Avocet finds the PDS of the account, and checks the record before it is sent.',
  },
  {
    folder: '03-oauth',
    title: 'Sign in by OAuth at the command line, and post',
    text: 'The person agrees in their browser. Avocet keeps the session in a file, which a later run takes up by `client.restore`; it opens the browser and waits for the answer by itself. The others have parts: here they keep the session in memory and show the URL.',
    signsIn: true,
  },
  {
    folder: '04-list',
    title: 'List the records of an account',
    text: 'All pages, with types. Avocet and atcute check each record by its schema.',
  },
  {
    folder: '05-archive',
    title: 'From a CAR file to records',
    text: 'Avocet reads the file as a stream, and checks the signature by the key of the account; the peers need the whole file in memory and check no signature here.',
  },
  {
    folder: '06-verify',
    title: 'Verify a repository',
    text: 'Every record is proved by the key in the DID document. Avocet does it in memory that does not grow with the repository.',
    without: { atcute: 'It verifies single records; there is nothing for a repository.' },
  },
  {
    folder: '07-firehose',
    title: 'Follow the firehose, by collection',
    text: 'Avocet and `@atproto/sync` verify each commit by the key of its account; Avocet also takes the ops back and compares with the commit before (Sync 1.1). atcute decodes, and verifies no signature. All of them reconnect.',
    endless: true,
  },
  {
    folder: '08-validate',
    title: 'Validate a record',
    text: 'Avocet and atcute say all that is wrong, and where; `@atproto/api` the first thing.',
    says: /createdAt/,
  },
  {
    folder: '09-lexicon',
    title: 'A lexicon of your own: code from it, a server, a call',
    text: 'The lexicon is `com.example.greet`, a query with a name. Client and server have its types. Avocet and `@atproto/*` call over a socket; atcute has its server in the same process called, since on Node it needs an adapter of others.',
    commands: {
      avocet: 'avocet-lex generate lexicons --out generated/avocet',
      atproto: 'lex build --lexicons lexicons --out generated/atproto --import-ext .ts',
      atcute: 'lex-cli generate',
    },
  },
  {
    folder: '10-server',
    title: 'A small server that knows who calls',
    text: 'A feed that is another one for everybody: the PDS of whoever asks sends a token along, signed by the key of the account. Each looks keys up for every method of DID that it has; atcute needs a server of others on Node, and remembers no document.',
    serves: true,
  },
  {
    folder: '11-repo',
    title: 'A repository in memory, and a commit',
    text: 'The root of the tree is printed, which is the same for the same records.',
    without: { atcute: 'It reads repositories; it does not write them.' },
  },
  {
    folder: '12-blob',
    title: 'A picture up and down',
    text: 'Uploaded, posted, downloaded. Avocet downloads from the PDS of the account as a stream and checks the hash; the peers check none.',
  },
  {
    folder: '13-richtext',
    title: 'A post that mentions and links',
    text: 'The mention is resolved, and the facets count in bytes. Avocet looks the handle up by itself, checked both ways; the others ask the PDS.',
  },
]

/** A program of a task. */
export interface Program {
  readonly task: Task
  readonly library: Library
  readonly file: string
  readonly code: string
  /** Lines without the blank ones. */
  readonly lines: number
}

/** All programs of a task, in the order of the libraries. */
export function programsOf(task: Task): Program[] {
  return LIBRARIES.flatMap((library) => {
    const file = join(import.meta.dirname, task.folder, `${library}.ts`)
    if (!existsSync(file)) return []
    const code = readFileSync(file, 'utf8')
    return [
      { task, library, file, code, lines: code.split('\n').filter((line) => line.trim() !== '').length },
    ]
  })
}
