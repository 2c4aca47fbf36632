// A relay whose traffic a test writes, and the command that follows it as a process of its own.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DataObject } from '@avocet/data'
import {
  type Account,
  create,
  createWorld,
  frameOf,
  serveStream,
  type World,
} from '@avocet/firehose/conformance'
import type { Status } from '../../src/app.ts'
import { type Run, startCommand } from './command.ts'

/** Costly things to put into a record: a list, and a map. */
export const EMPTY_LIST: Uint8Array = Uint8Array.of(0x80)
export const SMALL_MAP: Uint8Array = Uint8Array.of(0xa1, 0x61, 0x61, 0x00)

/** A relay with its accounts, and what follows it. */
export type Streamed = AsyncDisposable & {
  readonly folder: string
  readonly world: World
  /** Starts the command on the same folder; the one before must have ended. */
  start(flags: readonly string[], options?: Parameters<typeof startCommand>[1]): Run
  /** Sends an event as the next frame. */
  send(body: DataObject): void
  /** Sends a commit of one record. */
  honest(account: Account, rkey: string): Promise<void>
}

/** Starts the relay. @param pds where accounts live */
export async function openStreamed(seed: string, options: { readonly pds?: string } = {}): Promise<Streamed> {
  const folder = mkdtempSync(join(tmpdir(), 'avocet-indexer-'))
  const world = createWorld(seed, options)
  const stream = await serveStream(world)
  let run: Run | undefined
  let seq = 0
  const send = (body: DataObject): void => stream.send({ seq: ++seq, frame: frameOf('#commit', body, seq) })
  return {
    folder,
    world,
    send,
    start(flags, more) {
      run = startCommand(
        [
          'run',
          '--everything',
          `--relay=${stream.service}`,
          '--from-oldest',
          `--plc-url=${stream.plcUrl}`,
          '--allow-loopback',
          `--data=${folder}`,
          '--port=0',
          ...flags,
        ],
        more,
      )
      return run
    },
    async honest(account, rkey) {
      send(world.event(await world.commit(account, [create(rkey)])) as unknown as DataObject)
    },
    async [Symbol.asyncDispose]() {
      await run?.kill()
      await stream.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** What the command says of itself. */
export async function statusOf(url: string): Promise<Status> {
  return (await (await fetch(`${url}/status`)).json()) as Status
}
