import type { Command } from 'commander'

import type { PdsOptions } from '../config/config.ts'
import { CommandError, type Print } from '../terminal.ts'

type RepairFlags = { readonly apply?: boolean; readonly clockIsRight?: boolean }

/** Commands about single repositories of the running server. */
export function addRepoCommands(program: Command, settings: () => PdsOptions, print: Print): void {
  program
    .command('repair-rev <account>')
    .description('mend a repository whose revision is in the future; without --apply only say what is wrong')
    .option('--apply', 'make the repository anew, with a revision of now, and announce it')
    .option('--clock-is-right', 'also where the clock of the server said a later time before')
    .action(async (account: string, { apply = false, clockIsRight = false }: RepairFlags) => {
      const { repairRev } = await import('./repos.ts')
      await repairRev(settings(), account, apply, clockIsRight, print)
    })
  program
    .command('rebuild-repo <account>')
    .description(
      'make tree, rows and blob references anew from the blocks; without --apply only say what is wrong',
    )
    .option('--apply', 'do it, and announce the repository')
    .option('--clock-is-right', 'also where the clock of the server said a later time before')
    .action(async (account: string, { apply = false, clockIsRight = false }: RepairFlags) => {
      const { rebuildRepo } = await import('./repos.ts')
      await rebuildRepo(settings(), account, apply, clockIsRight, print)
    })
  program
    .command('announce [account]')
    .description('tell relays where an account stands, with a new revision of its repository')
    .option('--all', 'every account: after the machine lost power under PDS_SQLITE_SYNCHRONOUS=normal')
    .action(async (account: string | undefined, { all = false }: { all?: boolean }) => {
      if ((account === undefined) !== all) throw new CommandError('give an account, or --all')
      const { announceAccounts } = await import('./announce.ts')
      await announceAccounts(settings(), account ?? null, print)
    })
  program
    .command('import-repo <account> <file>')
    .description('import an archive (CAR) into a deactivated account')
    .option('--skip', 'leave out records that cannot stand here, and name them')
    .action(async (account: string, file: string, { skip = false }: { skip?: boolean }) => {
      const { importArchive } = await import('./repos.ts')
      await importArchive(settings(), account, file, skip, print)
    })
}
