// SPDX-License-Identifier: MIT
// Siemens CSA headers and the protocol in them: no byte of a stranger's file is trusted.
#include "libfiona/base/error.h"
#include "libfiona/base/text.h"
#include "libfiona/csa/header.h"
#include "libfiona/csa/protocol.h"
#include "tests/fuzz/fuzz.h"

#include <array>
#include <vector>

using namespace fiona;

namespace {

void check_protocol(std::string_view text)
{
    const auto protocol = csa::Protocol::parse(text);
    promise(protocol.size() <= text.size());
    for (const auto* const key : {"sGroupArray.asGroup[0].nSize", "sWipMemBlock.tFree", ""}) {
        const auto value = protocol.value(key);
        promise(!value || is_utf8(*value));
    }
    const auto first = protocol.value_by_ending("");
    promise(first.has_value() == (protocol.size() > 0));
}

void check_header(std::span<const std::byte> bytes)
{
    const auto header = csa::Header::parse(bytes);
    promise(header.size() <= 1000);
    for (const auto* const name :
         {"B_value", "DiffusionGradientDirection", "MrPhoenixProtocol", "A", ""}) {
        const auto value = header.find(name);
        promise(value.has_value() == !header.raw_text(name).empty());
        if (!value) {
            continue;
        }
        promise(!value->items.empty() && value->vr.size() <= 4);
        for (const auto& item : value->items) {
            promise(!item.empty() && is_utf8(item) && item.size() <= 2 * bytes.size());
        }
    }
    check_protocol(header.raw_text("MrPhoenixProtocol"));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    check_protocol(as_text(data, size));
    try {
        check_header(std::as_bytes(std::span{data, size}));
    } catch (const Error& e) {
        promise(e.fault() == Fault::data);
    }
    return 0;
}
