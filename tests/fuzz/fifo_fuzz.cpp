// SPDX-License-Identifier: MIT
// The legacy FIFO: any bytes, cut into pieces anywhere, become lines, and lines become announcements.
#include "libfiona/base/error.h"
#include "libfiona/ingest/announcement.h"
#include "libfiona/ingest/legacy_pipe.h"
#include "tests/fuzz/fuzz.h"

#include <algorithm>
#include <string>
#include <vector>

using namespace fiona;
using ingest::LineSplitter;

namespace {

std::vector<std::string> lines_of(std::string_view text, std::size_t piece_size)
{
    LineSplitter splitter;
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < text.size(); at += piece_size) {
        for (auto& line : splitter.add(text.substr(at, piece_size))) {
            lines.push_back(std::move(line));
        }
    }
    if (auto rest = splitter.take_rest(); !rest.empty()) {
        lines.push_back(std::move(rest));
    }
    promise(!splitter.has_rest());
    return lines;
}

/// The one text for whatever is refused.
std::string refusal()
{
    try {
        static_cast<void>(ingest::parse_announcement("x"));
    } catch (const Error& e) {
        return e.what();
    }
    return {};
}

void check_announcement(const std::string& line)
{
    promise(!line.empty() && line.size() <= LineSplitter::longest);
    promise(line.find('\n') == std::string::npos);
    try {
        const auto announced = ingest::parse_announcement(line);
        promise(announced.file.is_absolute());
        promise(announced.file.native().find('\0') == std::string::npos);
        for (const auto& name :
             {announced.sender.caller, announced.sender.called, announced.sender.host}) {
            promise(!name.empty() && name.size() <= 255);
            promise(std::ranges::none_of(name, [](char c) {
                const auto byte = static_cast<unsigned char>(c);
                return byte <= 0x20 || byte == 0x7f || c == '"';
            }));
        }
    } catch (const Error& e) { // refused, without a word of the line
        promise(e.fault() == Fault::data);
        promise(e.what() == refusal());
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const auto text = as_text(data, size);
    const auto whole = lines_of(text, std::max<std::size_t>(text.size(), 1));
    promise(lines_of(text, 7) == whole); // how the bytes come does not matter
    for (const auto& line : whole) {
        check_announcement(line);
    }
    return 0;
}
