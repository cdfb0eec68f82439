// SPDX-License-Identifier: MIT
// What was read can be written, and is read back as the same cells.
#include "libfiona/base/csv.h"
#include "libfiona/base/error.h"
#include "tests/fuzz/fuzz.h"

#include <optional>
#include <string>

using namespace fiona;

namespace {

std::optional<csv::Rows> parsed(std::string_view text, char delimiter)
{
    try {
        return csv::parse(text, delimiter, "input");
    } catch (const Error& e) {
        promise(e.fault() == Fault::data);
        return std::nullopt;
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    for (const char delimiter : {',', ';', '\t'}) {
        const auto rows = parsed(as_text(data, size), delimiter);
        if (!rows) {
            continue;
        }
        std::string text;
        for (const auto& row : *rows) {
            for (std::size_t i = 0; i < row.size(); ++i) {
                text.append(i == 0 ? 0 : 1, delimiter);
                // Quotes around a first cell: a byte order mark, or no cell at all, is one then.
                const auto cell = csv::quoted(row[i], delimiter);
                text += i == 0 && !cell.starts_with('"') ? "\"" + cell + "\"" : cell;
            }
            text += '\n';
        }
        const auto again = parsed(text, delimiter);
        promise(again.has_value() && *again == *rows);
    }
    return 0;
}
