import { InvalidArgumentError } from 'commander';
import { MIN_UPLOAD_BYTES_PER_SECOND } from '../protocol/settings.ts';

/** Parses the value of `--upload-limit`: bytes a second. */
export function parseUploadLimit(value: string): number {
  const bytes = Number(value);
  if (/^\d{1,15}$/.test(value) && bytes >= MIN_UPLOAD_BYTES_PER_SECOND) return bytes;
  throw new InvalidArgumentError(`It must be a number of bytes a second, at least ${MIN_UPLOAD_BYTES_PER_SECOND}.`);
}
