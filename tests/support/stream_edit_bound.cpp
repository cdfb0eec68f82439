// SPDX-License-Identifier: MIT
//
// stream-edit-bound DIR OUTPUT THREADS
// Walks the header of every file below DIR, blanks some identifying elements, drops private ones,
// replaces UIDs by digests, and has the kernel copy the pixel data: what a de-identifier reaches
// that parses nothing and proves nothing. Knows explicit VR little endian only (PS3.5 section
// 7.1.2). Not a de-identifier; only for measuring beside one.
#include "libfiona/base/digest.h"
#include "libfiona/base/unique_fd.h"
#include "tests/support/image_edits.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string_view>

namespace {

namespace fs = std::filesystem;
using namespace std::string_view_literals;

constexpr std::uint32_t item = 0xfffee000;
constexpr std::uint32_t sequence_delimitation_item = 0xfffee0dd;
constexpr std::uint32_t pixel_data = 0x7fe00010;
constexpr std::size_t behind_magic = 132;
/// Of the instance, its file, study, series and frame of reference, and those that it refers to.
constexpr auto replaced_uids = std::to_array<std::uint32_t>(
    {0x00020003, 0x00080018, 0x00081155, 0x0020000d, 0x0020000e, 0x00200052});
constexpr auto undefined = "\xff\xff\xff\xff"sv;
constexpr auto item_end = "\xfe\xff\x0d\xe0\0\0\0\0"sv;
constexpr auto sequence_end = "\xfe\xff\xdd\xe0\0\0\0\0"sv;

template <class Number>
Number number_at(std::string_view bytes, std::size_t at)
{
    Number number{};
    if (at + sizeof number > bytes.size()) {
        throw std::runtime_error{"breaks off"};
    }
    std::memcpy(&number, bytes.data() + at, sizeof number);
    return number;
}

struct Element {
    std::uint32_t tag = 0;
    std::string_view vr;   ///< empty for items and delimiters
    std::string_view head; ///< tag and VR, up to the length
    std::string_view value;
    bool is_delimited = false; ///< its length is undefined: the value is empty
    std::size_t end = 0;       ///< of the value, or of the head if it is delimited
};

Element element_at(std::string_view file, std::size_t at)
{
    static constexpr std::array short_vrs{"AE"sv, "AS"sv, "AT"sv, "CS"sv, "DA"sv, "DS"sv, "DT"sv,
                                          "FD"sv, "FL"sv, "IS"sv, "LO"sv, "LT"sv, "PN"sv, "SH"sv,
                                          "SL"sv, "SS"sv, "ST"sv, "TM"sv, "UI"sv, "UL"sv, "US"sv};
    Element e;
    e.tag = static_cast<std::uint32_t>(number_at<std::uint16_t>(file, at)) << 16U
            | number_at<std::uint16_t>(file, at + 2);
    std::uint64_t length = 0;
    if (e.tag >> 16U == item >> 16U) {
        e.head = file.substr(at, 4);
        length = number_at<std::uint32_t>(file, at + 4);
        e.end = at + 8;
    } else if (e.vr = file.substr(at + 4, 2); std::ranges::binary_search(short_vrs, e.vr)) {
        e.head = file.substr(at, 6);
        length = number_at<std::uint16_t>(file, at + 6);
        e.end = at + 8;
    } else {
        e.head = file.substr(at, 8);
        length = number_at<std::uint32_t>(file, at + 8);
        e.end = at + 12;
    }
    e.is_delimited = length == 0xffffffff;
    if (!e.is_delimited && e.tag != pixel_data) {
        if (e.end + length > file.size()) {
            throw std::runtime_error{"breaks off"};
        }
        e.value = file.substr(e.end, length);
        e.end += length;
    }
    return e;
}

/// The end of a sequence of undefined length that begins at `at`.
std::size_t behind_sequence(std::string_view file, std::size_t at)
{
    for (int depth = 1; depth > 0;) {
        const auto e = element_at(file, at);
        depth += e.vr == "SQ" && e.is_delimited ? 1 : 0;
        depth -= e.tag == sequence_delimitation_item ? 1 : 0;
        at = e.end;
    }
    return at;
}

/// `value` gets even length as its VR wants it (PS3.5 section 6.2).
void put(std::string& out, const Element& e, std::string value)
{
    if (value.size() % 2 != 0) {
        value += e.vr == "UI" ? '\0' : ' ';
    }
    const auto length = static_cast<std::uint32_t>(value.size());
    out += e.head;
    out.append(reinterpret_cast<const char*>(&length), e.head.size() == 6 ? 2 : 4);
    out += value;
}

std::string replaced_uid(std::string_view uid)
{
    const auto digest = fiona::sha256(uid);
    std::array<std::uint64_t, 2> numbers{};
    std::memcpy(numbers.data(), digest.data(), sizeof numbers);
    return fmt::format("2.25.{}{}", numbers[0], numbers[1]);
}

/// The header of `file` as it is written; `at` moves to the pixel data, or to the end. Sequences
/// and items get undefined lengths, so that nobody has to know how long they become.
std::string edited_header(std::string_view file, std::size_t& at)
{
    static const auto blanked = [] {
        auto tags = fiona::testing::blanked_tags;
        std::ranges::sort(tags);
        return tags;
    }();
    struct Open {
        std::size_t end;
        std::string_view delimiter;
    };
    std::vector<Open> open;
    std::string out{file.substr(0, at)};
    std::size_t meta_end = 0;
    while (true) {
        for (; !open.empty() && open.back().end == at; open.pop_back()) {
            out += open.back().delimiter;
        }
        const auto e = at < file.size() ? element_at(file, at) : Element{};
        if (meta_end == 0 && e.tag >> 16U != 2) {
            meta_end = out.size();
        }
        if (at == file.size() || (e.tag == pixel_data && open.empty())) {
            break;
        }
        if ((e.tag >> 16U) % 2 != 0) {
            at = e.is_delimited ? behind_sequence(file, e.end) : e.end; // private: dropped
            continue;
        }
        if (e.tag == item || e.vr == "SQ") {
            out.append(e.head).append(undefined);
            if (!e.is_delimited) {
                open.push_back({e.end, e.tag == item ? item_end : sequence_end});
            }
            at = e.end - e.value.size();
            continue;
        }
        if (e.is_delimited) {
            throw std::runtime_error{"a value of undefined length"};
        }
        if (std::ranges::binary_search(blanked, e.tag)) {
            put(out, e, "");
        } else if (std::ranges::binary_search(replaced_uids, e.tag)) {
            put(out, e, replaced_uid(e.value));
        } else {
            out += file.substr(at, e.end - at);
        }
        at = e.end;
    }
    // The group length counts what follows it (PS3.10 table 7.1-1).
    const auto group_length = static_cast<std::uint32_t>(meta_end - behind_magic - 12);
    std::memcpy(out.data() + behind_magic + 8, &group_length, sizeof group_length);
    return out;
}

void write_edited(const fs::path& from, const fs::path& to)
{
    const fiona::UniqueFd in{::open(from.c_str(), O_RDONLY | O_CLOEXEC)};
    struct stat status {};
    if (!in || ::fstat(in.get(), &status) != 0) {
        throw std::runtime_error{std::strerror(errno)};
    }
    const auto size = static_cast<std::size_t>(status.st_size);
    void* const mapped = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, in.get(), 0);
    if (mapped == MAP_FAILED) {
        throw std::runtime_error{std::strerror(errno)};
    }
    auto at = behind_magic;
    const auto header = edited_header({static_cast<const char*>(mapped), size}, at);
    ::munmap(mapped, size);
    const fiona::UniqueFd out{::open(to.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640)};
    if (!out
        || ::write(out.get(), header.data(), header.size())
               != static_cast<ssize_t>(header.size())) {
        throw std::runtime_error{std::strerror(errno)};
    }
    for (auto offset = static_cast<off_t>(at); offset < status.st_size;) {
        if (::copy_file_range(in.get(), &offset, out.get(), nullptr,
                              static_cast<std::size_t>(status.st_size - offset), 0)
            <= 0) {
            throw std::runtime_error{std::strerror(errno)};
        }
    }
}

bool edit(const fs::path& from, const fs::path& to)
{
    try {
        write_edited(from, to);
        return true;
    } catch (const std::exception& e) {
        fmt::print(stderr, "{}: {}\n", from.native(), e.what());
        return false;
    }
}

} // namespace

int main(int argc, char** argv)
{
    return fiona::testing::edit_images("stream-edit-bound", {argv, static_cast<std::size_t>(argc)},
                                       edit);
}
