// Loaded before the server: who connects from 127.9.x.y is a stranger with a public address, 203.0.x.y, and no front server.
import { Socket } from 'node:net'

/* oxlint-disable no-underscore-dangle -- where Node keeps the address of the other side */
const { _getpeername: peerName } = Socket.prototype
Socket.prototype._getpeername = function () {
  /* oxlint-disable no-underscore-dangle -- where Node keeps the address of the other side */
  const { address, ...rest } = peerName.call(this)
  return { ...rest, address: address?.replace(/^(::ffff:)?127\.9\./, '203.0.') }
}
