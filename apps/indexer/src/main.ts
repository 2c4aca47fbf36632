#!/usr/bin/env node
// The command: flags and environment in, exit code out.

import { enableCompileCache } from 'node:module'

// Compiled modules are kept in the system's folder for temporary files: the next start takes half the time.
enableCompileCache()
const { addCommands } = await import('./commands/commands.ts')

process.exitCode = await addCommands(process.env).run(process.argv)
