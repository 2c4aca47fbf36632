import type { PostgresDatabase, Queryable } from '@avocet/postgres'

import { toDevice, toSignIn, type DeviceChange, type DeviceRows } from '../device-rows.ts'

/** Devices in `db`, which must carry `DEVICE_MIGRATIONS`. */
export function openDevices(db: PostgresDatabase): DeviceRows {
  return {
    get: async (id) => {
      const [row] = await db.query('SELECT * FROM device WHERE id = $1', [id])
      return row === undefined ? null : toDevice(row)
    },
    signIns: async (device) => {
      const rows = await db.query(
        'SELECT * FROM device_sign_in WHERE device = $1 ORDER BY signed_in_at DESC, did',
        [device],
      )
      return rows.map(toSignIn)
    },
    list: async (did) => {
      const rows = await db.query(
        `SELECT d.*, s.* FROM device_sign_in AS s JOIN device AS d ON d.id = s.device
         WHERE s.did = $1 ORDER BY d.seen_at DESC, d.id`,
        [did],
      )
      return rows.map((row) => ({ device: toDevice(row), signIn: toSignIn(row) }))
    },
    apply: (change) => db.transaction((tx) => applyDevice(tx, change)),
  }
}

async function applyDevice(tx: Queryable, change: DeviceChange): Promise<void> {
  switch (change.type) {
    case 'keepSignIn': {
      const { device: it, signIn, maxPerDevice, maxPerAccount } = change
      await tx.query(
        `INSERT INTO device (id, secret_hash, user_agent, address, created_at, seen_at)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (id) DO UPDATE SET secret_hash = excluded.secret_hash, user_agent = excluded.user_agent,
           address = excluded.address, seen_at = excluded.seen_at`,
        [it.id, it.secretHash, it.userAgent, it.address, it.createdAt, it.seenAt],
      )
      await tx.query(
        `INSERT INTO device_sign_in (device, did, signed_in_at, expires_at, mark, request, remembered)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (device, did) DO UPDATE SET signed_in_at = excluded.signed_in_at,
           expires_at = excluded.expires_at, mark = excluded.mark, request = excluded.request,
           remembered = excluded.remembered`,
        [
          it.id,
          signIn.did,
          signIn.signedInAt,
          signIn.expiresAt,
          signIn.mark,
          signIn.request,
          signIn.remembered,
        ],
      )
      await dropOldest(tx, 'device', 'did', it.id, maxPerDevice)
      await dropOldest(tx, 'did', 'device', signIn.did, maxPerAccount)
      return
    }
    case 'markSignIn':
      await tx.query('UPDATE device_sign_in SET mark = $4 WHERE device = $1 AND did = $2 AND mark = $3', [
        change.device,
        change.did,
        change.from,
        change.to,
      ])
      return
    case 'sawDevice':
      await tx.query('UPDATE device SET address = $2, seen_at = greatest(seen_at, $3) WHERE id = $1', [
        change.id,
        change.address,
        change.at,
      ])
      return
    case 'signOut': {
      const { device, did } = change
      if (did !== undefined) {
        await tx.query('DELETE FROM device_sign_in WHERE device = $1 AND did = $2', [device, did])
      }
      const others = 'EXISTS (SELECT 1 FROM device_sign_in AS s WHERE s.device = device.id)'
      await tx.query(`DELETE FROM device WHERE id = $1 ${did === undefined ? '' : `AND NOT ${others}`}`, [
        device,
      ])
      return
    }
    case 'signOutAccount':
      await tx.query('DELETE FROM device_sign_in WHERE did = $1 AND device <> $2', [
        change.did,
        change.except ?? '',
      ])
      return
    default:
      await tx.query('DELETE FROM device_sign_in WHERE expires_at <= $1', [change.now])
      await tx.query(
        'DELETE FROM device WHERE NOT EXISTS (SELECT 1 FROM device_sign_in AS s WHERE s.device = device.id)',
      )
  }
}

/** Of the sign-ins with a value, all but the `max` that are newest go. */
async function dropOldest(
  tx: Queryable,
  column: 'device' | 'did',
  other: 'device' | 'did',
  value: string,
  max: number,
): Promise<void> {
  await tx.query(
    `DELETE FROM device_sign_in WHERE ${column} = $1 AND ${other} IN (SELECT ${other} FROM device_sign_in
       WHERE ${column} = $1 ORDER BY signed_in_at DESC, ${other} OFFSET $2)`,
    [value, max],
  )
}
