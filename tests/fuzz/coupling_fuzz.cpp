// SPDX-License-Identifier: MIT
// Coupling lists as people upload them: refused, or every line is good or named as bad.
#include "libfiona/base/error.h"
#include "libfiona/base/ids.h"
#include "libfiona/routing/coupling_file.h"
#include "tests/fuzz/fuzz.h"

using namespace fiona;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    try {
        const auto file = routing::read_coupling_file(as_text(data, size), std::nullopt);
        std::size_t last = 1;
        for (const auto& [number, row] : file.lines) {
            promise(number > last);
            last = number;
            promise(ParticipantId{row.participant}.str() == row.participant);
            promise(ProjectName{row.project}.str() == row.project);
            promise(!row.study.empty() || !row.accession.reveal().empty());
        }
        for (const auto& bad : file.bad) {
            promise(bad.number > 1);
            promise(!bad.reason.empty());
        }
    } catch (const Error& e) {
        promise(e.fault() == Fault::data);
    }
    return 0;
}
