// SPDX-License-Identifier: MIT
#include "libfiona/pacs/store_status.h"

#include <fmt/format.h>

#include <string_view>

namespace fiona::pacs {

SendOutcome outcome_of(std::uint16_t status)
{
    // PS3.4 Table B.2-1
    switch (status) {
    case 0x0000: return SendOutcome::stored;
    case 0xB000:
    case 0xB006:
    case 0xB007: return SendOutcome::warning;
    default: return SendOutcome::refused;
    }
}

// PS3.4 Table B.2-1 and PS3.7 Annex C.
std::string meaning(std::uint16_t status)
{
    const auto text = [status]() -> std::string_view {
        switch (status & 0xff00U) {
        case 0xa700: return "out of resources";
        case 0xa900: return "data set does not match its SOP class";
        default: break;
        }
        if ((status & 0xf000U) == 0xc000U) {
            return "cannot understand the data set";
        }
        switch (status) {
        case 0x0000: return "stored";
        case 0xb000: return "stored, elements were changed";
        case 0xb006: return "stored, elements were discarded";
        case 0xb007: return "stored, does not match its SOP class";
        case 0x0110: return "processing failure";
        case 0x0111: return "duplicate instance";
        case 0x0117: return "invalid instance";
        case 0x0122: return "SOP class not supported";
        case 0x0124: return "not authorized";
        case 0x0211: return "unrecognized operation";
        case 0x0213: return "resource limitation";
        default: return "failed";
        }
    }();
    return fmt::format("{} ({:04X})", text, status);
}

} // namespace fiona::pacs
