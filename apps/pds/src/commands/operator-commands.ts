import type { Command } from 'commander'

import type { PdsOptions } from '../config/config.ts'
import type { Print } from '../terminal.ts'
import type { OperatorFactorFlags } from './operator-factor.ts'
import { STATE_SUBJECTS } from './state-subjects.ts'

/** Adds what the operator's page (`/admin`) shows as commands, and what guards it. */
export function addOperatorCommands(program: Command, settings: () => PdsOptions, print: Print): void {
  program
    .command('operator')
    .description("what guards the operator's page (/admin)")
    .command('factor')
    .description('tell, add or remove the authenticator app that the page asks for beside the password')
    .option('--add', 'make a secret for an app, and print it')
    .option('--confirm <code>', 'from now on ask for codes of the app that was added; prints recovery codes')
    .option('--remove', 'ask for the password alone')
    .option('--recovery-codes', 'make new recovery codes')
    .action(async (flags: OperatorFactorFlags) => {
      const { operatorFactor } = await import('./operator-factor.ts')
      await operatorFactor(settings(), flags, print)
    })
  for (const subject of STATE_SUBJECTS) {
    const command = program.command(subject.name).description(subject.description)
    if (subject.list !== undefined) command.option('--json', 'one JSON object a line')
    command.action(async ({ json }: { json?: boolean }) => {
      const { printState } = await import('./state.ts')
      await printState(settings(), subject, json === true, print)
    })
  }
}
