// SPDX-License-Identifier: MIT
//
// dcmtk-edit-bound DIR OUTPUT THREADS
// Loads every file below DIR with DCMTK, blanks some identifying elements, drops private ones and
// saves it: what a de-identifier on DCMTK's data sets reaches if it proves nothing. Not a
// de-identifier; only for measuring beside one.
#include "tests/support/image_edits.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <memory>

namespace {

namespace fs = std::filesystem;

void blank(DcmItem& item)
{
    for (const auto number : fiona::testing::blanked_tags) {
        const DcmTagKey tag{static_cast<Uint16>(number >> 16U),
                            static_cast<Uint16>(number & 0xffffU)};
        if (item.tagExists(tag)) {
            item.putAndInsertString(tag, "");
        }
    }
    for (auto i = item.card(); i-- > 0;) {
        auto* const element = item.getElement(i);
        if (element->getTag().isPrivate()) {
            const std::unique_ptr<DcmElement> removed{item.remove(i)};
        } else if (auto* const sequence = dynamic_cast<DcmSequenceOfItems*>(element)) {
            for (unsigned long k = 0; k < sequence->card(); ++k) {
                blank(*sequence->getItem(k));
            }
        }
    }
}

bool edit(const fs::path& from, const fs::path& to)
{
    DcmFileFormat format;
    if (const auto read = format.loadFile(from.c_str()); read.bad()) {
        fmt::print(stderr, "{}: {}\n", from.native(), read.text());
        return false;
    }
    auto& data_set = *format.getDataset();
    blank(data_set);
    const auto written = format.saveFile(to.c_str(), data_set.getOriginalXfer());
    if (written.bad()) {
        fmt::print(stderr, "{}: {}\n", to.native(), written.text());
    }
    return written.good();
}

} // namespace

int main(int argc, char** argv)
{
    return fiona::testing::edit_images("dcmtk-edit-bound", {argv, static_cast<std::size_t>(argc)},
                                       edit);
}
