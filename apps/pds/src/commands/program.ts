import { Command, Option } from 'commander'

import { readSettings, readWarnings, SETTINGS } from '../config/settings.ts'
import type { PdsOptions } from '../config/config.ts'
import { counted, type Print } from '../terminal.ts'
import type { AdoptFlags } from './adopt.ts'
import { addOperatorCommands } from './operator-commands.ts'
import { addRepoCommands } from './repo-commands.ts'
import type { AuditFlags } from './audit.ts'
import type { DoctorFlags } from './doctor.ts'
import { readLimit } from './limit.ts'
import type { MoveFlags } from './move.ts'
import type { RotateFlags } from './rotate-keys.ts'

/** What the commands need of the process around them. */
export interface ProgramParts {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly print: Print
  /** Runs the server until it is told to stop; the warnings are about its environment. */
  readonly serve: (options: PdsOptions, warnings: readonly string[]) => Promise<void>
}

/** The command line: without a command the server runs. */
export function createProgram({ env, print, serve }: ProgramParts): Command {
  const program = new Command('avocet-pds')
    .description('A Personal Data Server of the AT Protocol. A flag beats its environment variable.')
    .exitOverride()
    .showHelpAfterError('(run avocet-pds --help for the settings)')
  for (const setting of SETTINGS) {
    if (setting.flag === undefined) continue
    const text = `${setting.description} (env: ${setting.env}, default: ${setting.default})`
    program.addOption(new Option(`${setting.flag} <${setting.placeholder ?? 'value'}>`, text))
  }
  program.addHelpText('after', `\nEnvironment variables without a flag:\n${variables()}`)

  /** The settings as given before or after a command's name. */
  const settings = (): PdsOptions => {
    const given = program.opts<Record<string, string>>()
    const flags = new Map<string, string>()
    for (const option of program.options) {
      const value = given[option.attributeName()]
      if (value !== undefined) flags.set(option.long!, value)
    }
    return readSettings(env, flags)
  }
  program.action(() => serve(settings(), readWarnings(env)))
  addAccountCommands(program, settings, print)
  addOperatorCommands(program, settings, print)
  addMaintenance(program, settings, env, print)
  addRepoCommands(program, settings, print)
  return program
}

function variables(): string {
  const rows = SETTINGS.filter(({ flag }) => flag === undefined)
  const width = Math.max(...rows.map(({ env }) => env.length))
  return rows
    .map(
      ({ env, description, default: value }) => `  ${env.padEnd(width)}  ${description} (default: ${value})`,
    )
    .join('\n')
}

function addAccountCommands(program: Command, settings: () => PdsOptions, print: Print): void {
  // Loaded when a command is used, so that --help does not wait for it.
  const connect = async () => {
    const [accounts, { connectOperator }] = await Promise.all([
      import('./accounts.ts'),
      import('./operator.ts'),
    ])
    return { accounts, client: await connectOperator(settings()) }
  }
  const account = program.command('account').description('manage the accounts of the running server')
  account
    .command('create <handle> <email>')
    .description('make an account (with an invite of its own, if invites are required)')
    .option('--password <text>', 'its password (default: one is made up and printed)')
    .action(async (handle: string, email: string, { password }: { password?: string }) => {
      const { accounts, client } = await connect()
      await accounts.createAccount(client, { handle, email, password }, print)
    })
  account
    .command('list')
    .description('DID, handle and email address of every account')
    .action(async () => {
      const { accounts, client } = await connect()
      await accounts.listAccounts(client, print)
    })
  const holdings = async (did: string): Promise<object> => {
    const { askOperatorPage } = await import('./operator.ts')
    return askOperatorPage(settings(), `/operator/account?account=${encodeURIComponent(did)}`)
  }
  const one = (
    name: string,
    description: string,
    run: (connected: Connected, actor: string) => Promise<void>,
  ): void => {
    account
      .command(`${name} <account>`)
      .description(description)
      .action(async (actor: string) => run(await connect(), actor))
  }
  one('info', 'what is known of an account, as JSON', ({ accounts, client }, actor) =>
    accounts.showAccount(client, actor, holdings, print),
  )
  one('takedown', 'take an account down', ({ accounts, client }, actor) =>
    accounts.takeDown(client, actor, true, print),
  )
  one('untakedown', 'put an account back', ({ accounts, client }, actor) =>
    accounts.takeDown(client, actor, false, print),
  )
  one('publish-identity', 'announce its identity again', ({ accounts, client }, actor) =>
    accounts.publishIdentity(client, actor, print),
  )
  account
    .command('search <text>')
    .description('accounts whose handle, DID or email address begins with a text')
    .option('--limit <number>', 'at most so many', '100')
    .action(async (text: string, { limit }: { limit: string }) => {
      const { searchAccounts } = await import('./state.ts')
      await searchAccounts(settings(), text, readLimit(limit), print)
    })
  account
    .command('delete <account>')
    .description('delete an account and all it has')
    .option('--hold', 'deactivate it now and delete it after 30 days; its owner is told, and may come back')
    .action(async (actor: string, { hold }: { hold?: boolean }) => {
      if (hold === true) {
        const { actOnAccount } = await import('./state.ts')
        const { deleteAfter } = await actOnAccount(settings(), '/operator/plan-deletion', actor)
        print(`to be deleted after ${String(deleteAfter)}`)
        return
      }
      const { accounts, client } = await connect()
      await accounts.deleteAccount(client, actor, print)
    })
  account
    .command('keep <account>')
    .description('take a planned deletion back, and activate the account')
    .action(async (actor: string) => {
      const { actOnAccount } = await import('./state.ts')
      await actOnAccount(settings(), '/operator/keep', actor)
      print('kept')
    })
  account
    .command('reset-password <account>')
    .description('set a new password and print it')
    .option('--mail', 'mail its owner a code to choose one with instead')
    .action(async (actor: string, { mail }: { mail?: boolean }) => {
      if (mail === true) {
        const { actOnAccount } = await import('./state.ts')
        await actOnAccount(settings(), '/operator/reset-mail', actor)
        print('a code was mailed')
        return
      }
      const { accounts, client } = await connect()
      await accounts.resetPassword(client, actor, print)
    })
  for (const [name, description, isDisabled] of [
    ['enable-invites', 'let an account hand out invite codes', false],
    ['disable-invites', 'keep an account from handing out invite codes', true],
  ] as const) {
    one(name, description, async ({ accounts, client }, actor) => {
      const { setInvites } = await import('./invites.ts')
      await setInvites(client, await accounts.didOf(client, actor), isDisabled, print)
    })
  }
  account
    .command('quota <account> [bytes]')
    .description(
      'show what an account has and may have, or bound its blobs: bytes, 0 for no bound, "default"',
    )
    .option('--records <number>', 'bound its records: a number, 0 for no bound, "default"')
    .action(async (actor: string, bytes: string | undefined, { records }: { records?: string }) => {
      const { quota } = await import('./quota.ts')
      await quota(settings(), { actor, bytes, records }, print)
    })
  account
    .command('factors <account>')
    .description('list the second factors of an account, or remove what its owner lost')
    .option('--remove <id>', 'a factor by its id, "email", "recovery-codes", or "all"')
    .action(async (actor: string, { remove }: { remove?: string }) => {
      const { factors } = await import('./factors.ts')
      await factors(settings(), { actor, remove }, print)
    })
  const invite = program.command('invite').description('manage invite codes of the running server')
  invite
    .command('list')
    .description('invite codes, the newest first')
    .option('--limit <number>', 'at most so many', '100')
    .action(async ({ limit }: { limit: string }) => {
      const [{ client }, { listInvites }] = await Promise.all([connect(), import('./invites.ts')])
      await listInvites(client, readLimit(limit), print)
    })
  invite
    .command('disable <code...>')
    .description('make invite codes unusable')
    .action(async (codes: string[]) => {
      const [{ client }, { disableInvites }] = await Promise.all([connect(), import('./invites.ts')])
      await disableInvites(client, codes, print)
    })
  invite
    .command('create')
    .description('make an invite code')
    .option('--uses <number>', 'accounts it is good for', '1')
    .action(async ({ uses }: { uses: string }) => {
      const { accounts, client } = await connect()
      print(await accounts.createInvite(client, Number(uses)))
    })
}

type Connected = {
  readonly accounts: typeof import('./accounts.ts')
  readonly client: Parameters<typeof import('./accounts.ts').listAccounts>[0]
}

/** Copies of all that a server keeps, and a look at whether it works. */
function addMaintenance(
  program: Command,
  settings: () => PdsOptions,
  env: ProgramParts['env'],
  print: Print,
): void {
  program
    .command('backup <folder>')
    .description('copy database, blobs and secrets into a new folder, also while the server runs')
    .option('--verify', 'check a backup that was made, and change nothing')
    .option('--without-secrets', 'leave the keys out: whoever has the backup cannot act as this server')
    .action(async (folder: string, flags: { verify?: boolean; withoutSecrets?: boolean }) => {
      if (flags.verify === true) {
        const { verifyBackup } = await import('./verify-backup.ts')
        const { accounts, blobs, madeAt, secrets } = await verifyBackup(folder)
        const without = secrets ? '' : ', WITHOUT SECRETS'
        print(
          `ok: ${counted(accounts, 'account')}, ${counted(blobs.count, 'blob')}, made at ${madeAt}${without}`,
        )
        return
      }
      const { backup } = await import('./backup.ts')
      await backup(settings(), folder, print, flags.withoutSecrets)
    })
  program
    .command('rollback <file>')
    .description('put a copy of the database from before an upgrade in its place (the server is stopped)')
    .action(async (file: string) => {
      const { rollback } = await import('./restore.ts')
      await rollback(settings(), file, print)
    })
  program
    .command('audit')
    .description('who did what: sign-ins, changes of accounts and keys, acts of the operator; newest first')
    .option('--account <account>', 'of one account, a handle or a DID')
    .option('--since <time>', 'from a date on, or so long ago (30m, 12h, 7d)')
    .option('--limit <number>', 'at most so many entries, up to 1000', '100')
    .option('--json', 'one JSON object a line')
    .action(async (flags: AuditFlags) => {
      const { printAudit } = await import('./audit.ts')
      await printAudit(settings(), flags, print)
    })
  program
    .command('doctor')
    .description(
      'look at the server as the network does, and at its data, also while it runs; says what to do next',
    )
    .option('--deep', 'every account, every blob by its hash, every index; else a sample')
    .option('--send-test <address>', 'send a mail too')
    .option('--json', 'the findings as JSON')
    .action(async (flags: DoctorFlags) => {
      const { doctor } = await import('./doctor.ts')
      await doctor(settings(), print, flags)
    })
  program
    .command('rotate-keys [account]')
    .description('give an account a new signing key: directory, repository and firehose; can be run again')
    .option('--all', 'every account; run again, it leaves out those done within a day')
    .option('--rotation-key', "put this server's new rotation key in the place of the previous one instead")
    .option('--dry-run', 'only look')
    .action(async (account: string | undefined, flags: RotateFlags) => {
      const { rotateKeys } = await import('./rotate-keys.ts')
      await rotateKeys(settings(), { ...flags, account }, print)
    })
  program
    .command('send-test <address>')
    .description('send a mail from the running server, and say what the mail server says')
    .action(async (to: string) => {
      const { askOperatorPage } = await import('./operator.ts')
      await askOperatorPage(settings(), '/send-test', { to })
      print(`sent to ${to}`)
    })
  program
    .command('adopt <directory>')
    .description('take over the data of a reference PDS (@atproto/pds, stopped) into a new --data directory')
    .option('--write', 'do it; without, the data is looked through and nothing is written')
    .option('--env-file <file>', 'the settings it ran with, its pds.env (default: the environment)')
    .option('--source-blobs <folder>', 'where its blobs are (default: as its settings say)')
    .option('--skip <did...>', 'accounts to leave behind')
    .action(async (directory: string, flags: AdoptFlags) => {
      const { adoptCommand } = await import('./adopt.ts')
      await adoptCommand(settings(), env, directory, flags, print)
    })
  program
    .command('move')
    .description(
      'move the database of a stopped server from SQLite to Postgres or back; the source is only read',
    )
    .requiredOption('--to <place>', 'postgres://user@host:5432/database, or the data directory to be')
    .option('--schema <name>', 'the schema of Postgres, made if it is not there (default: public)')
    .option('--dry-run', 'say what would be moved, and change nothing')
    .option('--verify <how>', 'rows: compare every row; deep: read every repository too', 'rows')
    .option('--restart', 'remove what a move that was cut off has brought, and begin anew')
    .action(async (flags: MoveFlags) => {
      const { moveCommand } = await import('./move.ts')
      await stoppable((signal) => moveCommand(settings(), flags, print, signal))
    })
  program
    .command('restore <folder>')
    .description('put a backup where the settings say; every account is announced anew')
    .option('--new-keys', 'go on although the rotation key of the backup is lost')
    .action(async (folder: string, { newKeys }: { newKeys?: boolean }) => {
      const { restore } = await import('./restore.ts')
      await restore(settings(), folder, print, newKeys)
    })
  program
    .command('announce-restored')
    .description(
      'after pg_restore, before the server starts: go on above all event numbers, announce every account',
    )
    .action(async () => {
      const { announceRestored } = await import('./announce-restored.ts')
      await announceRestored(settings(), print)
    })
}

/** Lets work end where it can go on later, when somebody stops it. */
async function stoppable(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const stop = new AbortController()
  const end = (): void => stop.abort()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, end)
  try {
    await work(stop.signal)
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, end)
  }
}
