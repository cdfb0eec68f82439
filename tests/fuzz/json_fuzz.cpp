// SPDX-License-Identifier: MIT
// What has been read can be written, and is read back as the same value and the same bytes.
#include "libfiona/base/error.h"
#include "libfiona/base/json.h"
#include "tests/fuzz/fuzz.h"

#include <optional>

using namespace fiona;

namespace {

std::optional<json::Value> parsed(std::string_view text)
{
    try {
        return json::parse(text, "input");
    } catch (const Error& e) {
        promise(e.fault() == Fault::data);
        return std::nullopt;
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const auto value = parsed(as_text(data, size));
    if (!value) {
        return 0;
    }
    for (const auto style : {json::Style::compact, json::Style::pretty}) {
        const auto text = json::write(*value, style);
        const auto again = parsed(text);
        promise(again.has_value() && *again == *value);
        promise(json::write(*again, style) == text);
    }
    return 0;
}
