// CSV export as specified by RFC 4180. Decimals are written unchanged.

/** Escapes a cell, and prefixes text that a spreadsheet would execute as a formula. */
function escapeCell(value) {
  const text = value === null || value === undefined ? "" : String(value);
  const isNumber = /^-?\d+(\.\d+)?$/.test(text);
  const safe = !isNumber && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Converts rows to CSV with a header line; `columns` are keys of the rows. */
export function toCsv(rows, columns) {
  const lines = [columns, ...rows.map((row) => columns.map((column) => row[column]))];
  return lines.map((line) => `${line.map(escapeCell).join(",")}\r\n`).join("");
}

/** Starts a browser download of a CSV file, whose contents are text or a blob. */
export function downloadCsv(fileName, contents) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([contents], { type: "text/csv;charset=utf-8" }));
  link.download = fileName;
  link.click();
  URL.revokeObjectURL(link.href);
}
