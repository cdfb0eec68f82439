// SPDX-License-Identifier: MIT
// Names: of arrival marks, which others write too, and of entries in packages, made of strangers' values.
#include "libfiona/export/template.h"
#include "libfiona/store/arrival_marks.h"
#include "tests/fuzz/fuzz.h"

#include <algorithm>

using namespace fiona;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const auto text = as_text(data, size);
    if (const auto mark = store::ArrivalMark::parse(text)) {
        const auto name = mark->file_name();
        promise(name.find('/') == std::string::npos && name.size() <= 255);
        const auto again = store::ArrivalMark::parse(name);
        promise(again && again->study == mark->study && again->series == mark->series);
    }
    const auto part = exports::safe_part(text);
    promise(!part.empty() && part != "." && part != "..");
    promise(std::ranges::none_of(
        part, [](char c) { return c == '/' || c == '\\' || (c >= 0 && c < 0x20); }));
    return 0;
}
