// SPDX-License-Identifier: MIT
#include "libfiona/pacs/receiver_report.h"

#include <unistd.h>

#include <algorithm>
#include <climits>

namespace fiona::pacs {

namespace {

using Text = std::array<char, 72>; // AE titles have 16 bytes, addresses 45, host labels 63

struct Record {
    pid_t pid;
    Text caller;
    Text called;
    Text address;
    Text host;
    std::uint64_t objects;
    std::uint64_t bytes;
    std::uint64_t refused;
};
static_assert(sizeof(Record) <= PIPE_BUF, "reports of several processes must not mix");

Text packed(std::string_view text)
{
    Text result{};
    std::copy_n(text.begin(), std::min(text.size(), result.size() - 1), result.begin());
    return result;
}

std::string unpacked(const Text& text)
{
    return {text.begin(), std::find(text.begin(), text.end(), '\0')};
}

} // namespace

void send_report(int pipe, const AssociationReport& report)
{
    const Record record{
        report.pid,          packed(report.caller), packed(report.called), packed(report.address),
        packed(report.host), report.objects,        report.bytes,          report.refused};
    static_cast<void>(::write(pipe, &record, sizeof record) == 0);
}

std::optional<AssociationReport> next_report(int pipe)
{
    Record record{};
    if (::read(pipe, &record, sizeof record) != static_cast<ssize_t>(sizeof record)) {
        return std::nullopt;
    }
    return AssociationReport{record.pid,
                             unpacked(record.caller),
                             unpacked(record.called),
                             unpacked(record.address),
                             unpacked(record.host),
                             record.objects,
                             record.bytes,
                             record.refused};
}

} // namespace fiona::pacs
