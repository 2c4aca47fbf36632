import { encode } from '@avocet/cbor'
import { createKeypair } from '@avocet/crypto'
import type { DataValue } from '@avocet/data'
import { createMemoryRepoStore, exportRepo, rebuildRepo } from '@avocet/repo'
import { createTidClock, type Did, type Tid } from '@avocet/syntax'

/** The archive of a repository with these records: values, or bytes that need not be a record at all. */
export async function archiveOf(
  did: string,
  records: Record<string, DataValue | { bytes: Uint8Array }>,
  rev: Tid = createTidClock().next(),
): Promise<Uint8Array<ArrayBuffer>> {
  const store = createMemoryRepoStore()
  const entries = Object.entries(records)
    .map(([path, value]) => ({ path, bytes: isRaw(value) ? value.bytes : encode(value) }))
    .toSorted((a, b) => (a.path < b.path ? -1 : 1))
  await rebuildRepo({ store, did: did as Did, signer: createKeypair('k256'), rev, records: () => entries })
  const chunks: Uint8Array[] = []
  for await (const chunk of exportRepo(store, did as Did)) chunks.push(chunk)
  return new Uint8Array(Buffer.concat(chunks))
}

const isRaw = (value: DataValue | { bytes: Uint8Array }): value is { bytes: Uint8Array } =>
  typeof value === 'object' && value !== null && 'bytes' in value && value.bytes instanceof Uint8Array
