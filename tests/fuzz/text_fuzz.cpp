// SPDX-License-Identifier: MIT
// Text from strangers' headers: as a path component, as an arrival mark, in a log.
#include "libfiona/base/error.h"
#include "libfiona/base/json.h"
#include "libfiona/base/log.h"
#include "libfiona/base/text.h"
#include "libfiona/store/arrival_marks.h"
#include "tests/fuzz/fuzz.h"

#include <string>

using namespace fiona;

namespace {

void check_percent(std::string_view text)
{
    const auto whole = percent_encoded(text, text.size() * 3 + 1);
    promise(percent_decoded(whole) == text);
    for (const auto& encoded : {whole, percent_encoded(text, 40)}) {
        promise(!encoded.starts_with('.'));
        promise(encoded.find_first_of(std::string_view{"/ \n\t\0", 5}) == std::string::npos);
    }
    promise(percent_encoded(text, 40).size() <= 40);
    promise(!is_utf8(text) || is_utf8(percent_encoded(text, 40)));
}

void check_mark(std::string_view name)
{
    const auto mark = store::ArrivalMark::parse(name);
    if (!mark) {
        return;
    }
    const auto again = store::ArrivalMark::parse(mark->file_name());
    promise(mark->file_name().size() <= 255);
    promise(mark->file_name().find('/') == std::string::npos);
    promise(again && again->study == mark->study && again->series == mark->series);
    promise(again->file_name() == mark->file_name());
}

void check_log(std::string_view text)
{
    const auto clean = log::without_uids(text);
    promise(log::without_uids(clean) == clean);
    std::string line;
    log::set_sink([&](log::Level, const std::string& made) { line = made; });
    log::info("event", {{"field", text}});
    promise(line.find('\n') == std::string::npos && is_utf8(line));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const auto text = as_text(data, size);
    check_percent(text);
    check_mark(text);
    check_log(text);
    promise(split(text, ' ').size() >= 1);
    promise(trimmed(text).size() <= text.size());
    promise(is_utf8(json::quoted(text)));
    return 0;
}
