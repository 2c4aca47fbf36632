#!/usr/bin/env node
// The command: flags and environment in, exit code out.

import { addCommands } from './commands/commands.ts'

process.exitCode = await addCommands(process.env).run(process.argv)
