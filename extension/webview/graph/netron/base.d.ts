/** The part of Netron 9.3.3's base.js that the adapter uses. */

export class BinaryStream {
  constructor(bytes: Uint8Array);
}
