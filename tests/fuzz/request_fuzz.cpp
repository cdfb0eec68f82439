// SPDX-License-Identifier: MIT
// Transfer requests as anybody may put them into the directory: refused, or every field is checked.
#include "libfiona/base/error.h"
#include "libfiona/store/requests.h"
#include "tests/fuzz/fuzz.h"

using namespace fiona;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    try {
        const auto request = store::TransferRequest::parse(as_text(data, size), "1.2.3_1_x.json");
        const auto name = request.file_name();
        promise(name.find('/') == std::string::npos && name.ends_with(".json"));
        promise(StudyUid{request.study.str()} == request.study);
        promise(ParticipantId{request.participant.str()} == request.participant);
    } catch (const Error& e) {
        promise(e.fault() == Fault::data);
    }
    return 0;
}
