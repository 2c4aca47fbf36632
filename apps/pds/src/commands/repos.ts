import type { OddRecord, RepairReport } from '@avocet/repo-server'
import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'

import type { PdsOptions } from '../config/config.ts'
import type { Print } from '../terminal.ts'
import { askOperatorPage } from './operator.ts'

/**
 * Mends a repository whose revision is in the future: its clock ran ahead, or an archive lied. Without `apply` it only says
 * what it would do.
 * @param clockIsRight the clock of the server was ahead before, and is right now
 * @throws CommandError
 */
export async function repairRev(
  options: PdsOptions,
  account: string,
  apply: boolean,
  clockIsRight: boolean,
  print: Print,
): Promise<void> {
  const report = (await askOperatorPage(options, '/repair-rev', {
    account,
    apply,
    clockIsRight,
  })) as unknown as RepairReport
  print(`${report.did} is at revision ${report.rev}, of ${report.revTime}`)
  if (!report.isAhead) return print('that is not in the future: nothing to repair')
  summarize(report, print)
}

/**
 * Makes tree, rows and blob references of a repository anew from its blocks. Without `apply` it only says what it would do.
 * @param clockIsRight the clock of the server was ahead before, and is right now
 * @throws CommandError
 */
export async function rebuildRepo(
  options: PdsOptions,
  account: string,
  apply: boolean,
  clockIsRight: boolean,
  print: Print,
): Promise<void> {
  const report = (await askOperatorPage(options, '/rebuild-repo', {
    account,
    apply,
    clockIsRight,
  })) as unknown as RepairReport
  print(`${report.did} is at revision ${report.rev}, of ${report.revTime}`)
  summarize(report, print)
}

/**
 * Imports an archive into a deactivated account.
 * @param skip leaves out records that cannot stand here, and names them
 * @throws CommandError
 */
export async function importArchive(
  options: PdsOptions,
  account: string,
  file: string,
  skip: boolean,
  print: Print,
): Promise<void> {
  const body = Readable.toWeb(createReadStream(file)) as unknown as ReadableStream
  const query = new URLSearchParams({ account, skip: String(skip) }).toString()
  const answer = await askOperatorPage(options, `/import-repo?${query}`, body)
  const skipped = answer['skipped'] as OddRecord[]
  for (const { path, reason } of skipped) print(`left out ${path}: ${reason}`)
  print(`imported ${file}${skipped.length > 0 ? ` without ${skipped.length} records` : ''}`)
}

function summarize(report: RepairReport, print: Print): void {
  for (const fault of report.faults) print(`BAD  ${fault}`)
  if (report.fromRows > 0) print(`${report.fromRows} records that only their rows still lead to`)
  if (report.rowsMissing > 0) print(`${report.rowsMissing} records without a right row`)
  if (report.rowsStale > 0) print(`${report.rowsStale} rows without their record`)
  print(
    report.newRev === null
      ? `${report.records} records would stand; nothing was changed (give --apply)`
      : `rebuilt with ${report.records} records at revision ${report.newRev}, and announced`,
  )
}
