// SPDX-License-Identifier: MIT
// A file as the sorter reads it: header, nested items, private values, fields of the series JSON.
#include "libfiona/base/error.h"
#include "libfiona/base/log.h"
#include "libfiona/classify/series_fields.h"
#include "libfiona/dicom/header.h"
#include "tests/fuzz/fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

using namespace fiona;

namespace {

constexpr dicom::Tag per_frame_groups{0x5200, 0x9230};

void check(UniqueFd file)
{
    const auto header = dicom::Header::read(std::move(file));
    const auto fields = classify::series_fields(header, {});
    promise(fields.contains("Modality"));
    promise(json::parse(json::write(json::Value{fields}), "the fields") == json::Value{fields});
    for (const dicom::Tag tag : {dicom::Tag{0x0008, 0x0005}, {0x0008, 0x0008}, {0x0010, 0x0010}}) {
        promise(header.has(tag) == header.values(tag).has_value());
        static_cast<void>(header.vr(tag));
    }
    for (const auto& values :
         header.values_in_items(per_frame_groups, {{{0x0018, 0x9117}}, {{0x0018, 0x9087}}})) {
        promise(values.size() < 1'000'000);
    }
    static_cast<void>(header.bytes_at({{{0x0029, 0x20}, "SIEMENS CSA HEADER"}}));
    static_cast<void>(
        header.values_at({{{0x0008, 0x1140}, {}, 1}, {{0x0040, 0xa170}}, {{0x0008, 0x0100}}}));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    log::set_sink([](log::Level, const std::string&) {});
    UniqueFd file{::memfd_create("header_fuzz", MFD_CLOEXEC)};
    if (::write(file.get(), data, size) != static_cast<ssize_t>(size)) {
        return 0;
    }
    try {
        check(std::move(file));
    } catch (const Error& e) {
        promise(e.fault() == Fault::data);
    }
    return 0;
}
