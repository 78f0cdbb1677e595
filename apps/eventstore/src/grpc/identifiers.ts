// Stream names and UUIDs on the wire, both of which come in more than one form.
import type { StreamIdentifier, UUID } from '@eventstore/db-client/generated/shared_pb.js';
import { InvalidArgument, isId } from '@concord/kernel';
import { shared } from './protocol.js';

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Errors: InvalidArgument when there is no name, or it is no UTF-8. */
export function streamNameOf(identifier: StreamIdentifier | undefined): string {
  try {
    const name = utf8.decode(identifier?.getStreamName_asU8());
    if (name !== '') return name;
  } catch (error) {
    throw new InvalidArgument('the stream name is no UTF-8', {}, { cause: error });
  }
  throw new InvalidArgument('the request names no stream');
}

export function streamIdentifier(name: string): StreamIdentifier {
  return new shared.StreamIdentifier().setStreamName(Buffer.from(name));
}

/** Errors: InvalidArgument when it is no UUID. */
export function uuidTextOf(uuid: UUID | undefined): string {
  const structured = uuid?.getStructured();
  const text = structured
    ? fromHalves(structured.getMostSignificantBits(), structured.getLeastSignificantBits())
    : (uuid?.getString() ?? '');
  if (!isId(text)) throw new InvalidArgument(`"${text.slice(0, 40)}" is no UUID`);
  return text;
}

export function uuidOf(text: string, structured: boolean): UUID {
  if (!structured) return new shared.UUID().setString(text);
  const hex = text.replaceAll('-', '');
  const half = (from: number): string => BigInt.asIntN(64, BigInt(`0x${hex.slice(from, from + 16)}`)).toString();
  return new shared.UUID().setStructured(
    new shared.UUID.Structured().setMostSignificantBits(half(0)).setLeastSignificantBits(half(16)),
  );
}

function fromHalves(most: string, least: string): string {
  const hex = [most, least].map((half) => BigInt.asUintN(64, BigInt(half)).toString(16).padStart(16, '0')).join('');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
