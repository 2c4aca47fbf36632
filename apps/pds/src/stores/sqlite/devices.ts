import type { Database } from '@avocet/sqlite'

import { toDevice, toSignIn, type DeviceChange, type DeviceRows } from '../device-rows.ts'

/** Devices in `db`, which must carry `DEVICE_MIGRATIONS`. */
export function openDevices(db: Database): DeviceRows {
  return {
    get: (id) => {
      const row = db.prepare('SELECT * FROM device WHERE id = ?').get(id)
      return row === undefined ? null : toDevice(row)
    },
    signIns: (device) =>
      db
        .prepare('SELECT * FROM device_sign_in WHERE device = ? ORDER BY signed_in_at DESC, did')
        .all(device)
        .map(toSignIn),
    list: (did) =>
      db
        .prepare(
          `SELECT d.*, s.* FROM device_sign_in AS s JOIN device AS d ON d.id = s.device
           WHERE s.did = ? ORDER BY d.seen_at DESC, d.id`,
        )
        .all(did)
        .map((row) => ({ device: toDevice(row), signIn: toSignIn(row) })),
    apply: (change) => db.write(() => applyDevice(db, change)),
  }
}

/** In the transaction that is open. */
function applyDevice(db: Database, change: DeviceChange): void {
  switch (change.type) {
    case 'keepSignIn': {
      const { device: it, signIn, maxPerDevice, maxPerAccount } = change
      db.prepare(
        `INSERT INTO device (id, secret_hash, user_agent, address, created_at, seen_at) VALUES (?, ?, ?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET secret_hash = excluded.secret_hash, user_agent = excluded.user_agent,
           address = excluded.address, seen_at = excluded.seen_at`,
      ).run(it.id, it.secretHash, it.userAgent, it.address, it.createdAt, it.seenAt)
      db.prepare(
        `INSERT OR REPLACE INTO device_sign_in (device, did, signed_in_at, expires_at, mark, request, remembered)
         VALUES (?, ?, ?, ?, ?, ?, ?)`,
      ).run(
        it.id,
        signIn.did,
        signIn.signedInAt,
        signIn.expiresAt,
        signIn.mark,
        signIn.request,
        signIn.remembered ? 1 : 0,
      )
      dropOldest(db, 'device', 'did', it.id, maxPerDevice)
      dropOldest(db, 'did', 'device', signIn.did, maxPerAccount)
      return
    }
    case 'markSignIn':
      db.prepare('UPDATE device_sign_in SET mark = ? WHERE device = ? AND did = ? AND mark = ?').run(
        change.to,
        change.device,
        change.did,
        change.from,
      )
      return
    case 'sawDevice':
      db.prepare('UPDATE device SET address = ?, seen_at = max(seen_at, ?) WHERE id = ?').run(
        change.address,
        change.at,
        change.id,
      )
      return
    case 'signOut': {
      const { device, did } = change
      if (did !== undefined) {
        db.prepare('DELETE FROM device_sign_in WHERE device = ? AND did = ?').run(device, did)
      }
      const others = 'EXISTS (SELECT 1 FROM device_sign_in WHERE device = device.id)'
      db.prepare(`DELETE FROM device WHERE id = ? ${did === undefined ? '' : `AND NOT ${others}`}`).run(
        device,
      )
      return
    }
    case 'signOutAccount':
      db.prepare('DELETE FROM device_sign_in WHERE did = ? AND device <> ?').run(
        change.did,
        change.except ?? '',
      )
      return
    default:
      db.prepare('DELETE FROM device_sign_in WHERE expires_at <= ?').run(change.now)
      db.prepare('DELETE FROM device WHERE id NOT IN (SELECT device FROM device_sign_in)').run()
  }
}

/** Of the sign-ins with a value, all but the `max` that are newest go. */
function dropOldest(
  db: Database,
  column: 'device' | 'did',
  other: 'device' | 'did',
  value: string,
  max: number,
): void {
  db.prepare(
    `DELETE FROM device_sign_in WHERE ${column} = ?1 AND ${other} IN (SELECT ${other} FROM device_sign_in
       WHERE ${column} = ?1 ORDER BY signed_in_at DESC, ${other} LIMIT -1 OFFSET ?2)`,
  ).run(value, max)
}
