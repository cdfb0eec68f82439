// SPDX-License-Identifier: MIT
#include "libfiona/pacs/store_command.h"

namespace fiona::pacs {

namespace {

void append_number(std::vector<std::byte>& bytes, std::uint64_t value, unsigned width)
{
    for (unsigned i = 0; i < width; ++i) {
        bytes.push_back(static_cast<std::byte>(value >> (8 * i)));
    }
}

void append_head(std::vector<std::byte>& bytes, std::uint16_t element, std::size_t length)
{
    append_number(bytes, 0, 2); // group 0000
    append_number(bytes, element, 2);
    append_number(bytes, length, 4);
}

void append_short(std::vector<std::byte>& bytes, std::uint16_t element, std::uint16_t value)
{
    append_head(bytes, element, 2);
    append_number(bytes, value, 2);
}

void append_uid(std::vector<std::byte>& bytes, std::uint16_t element, std::string_view uid)
{
    append_head(bytes, element, uid.size() + uid.size() % 2);
    for (const char c : uid) {
        bytes.push_back(static_cast<std::byte>(c));
    }
    if (uid.size() % 2 != 0) {
        bytes.push_back(std::byte{0}); // PS3.5 §9.1: a UID is padded with one NUL
    }
}

} // namespace

std::vector<std::byte> store_command(std::string_view sop_class, std::string_view sop_instance,
                                     std::uint16_t message_id)
{
    constexpr std::uint16_t c_store_rq = 0x0001;
    constexpr std::uint16_t medium_priority = 0x0000;
    constexpr std::uint16_t data_set_present = 0x0001; // anything but 0101
    std::vector<std::byte> elements;
    append_uid(elements, 0x0002, sop_class);
    append_short(elements, 0x0100, c_store_rq);
    append_short(elements, 0x0110, message_id);
    append_short(elements, 0x0700, medium_priority);
    append_short(elements, 0x0800, data_set_present);
    append_uid(elements, 0x1000, sop_instance);

    std::vector<std::byte> command;
    append_head(command, 0x0000, 4);
    append_number(command, elements.size(), 4);
    command.insert(command.end(), elements.begin(), elements.end());
    return command;
}

} // namespace fiona::pacs
