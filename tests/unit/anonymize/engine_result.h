// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/anonymize/engine.h"
#include "libfiona/base/text.h"
#include "libfiona/dicom/prescan.h"
#include "tests/support/phantom_file.h"
#include "tests/support/temp_dir.h"

#include <string>

/// Data sets brought through the engine, and what came out of it read again.
namespace engine_result {

using namespace fiona;
using namespace fiona::anonymize;

/// One file of a run.
struct Result {
    FileReport report;
    Item root;
    std::string bytes;
    std::string header; ///< owns what `root` looks at

    [[nodiscard]] std::string value(Tag tag) const
    {
        const auto* const found = root.find(tag);
        return found == nullptr ? "(absent)" : std::string{trimmed(found->stored)};
    }
};

inline Result read_back(const FileReport& report, Encoding encoding = Encoding::explicit_little)
{
    Result result{report, {}, {}, {}};
    if (report.verdict == Verdict::written) {
        result.bytes = phantom::slurp(report.output);
        const auto scan = dicom::prescan_file(report.output);
        result.header = result.bytes.substr(scan.data_set_offset);
        result.root = read_data_set(result.header, encoding).root;
    }
    return result;
}

inline Result process(const Item& data, const Settings& settings, const TempDir& root,
                      phantom::Syntax syntax = phantom::Syntax::explicit_little)
{
    const auto made = phantom::write(root / "in.dcm", data, syntax);
    const auto report = anonymize_files({made.file}, root / "out", settings);
    const auto encoding = syntax == phantom::Syntax::implicit       ? Encoding::implicit_little
                          : syntax == phantom::Syntax::explicit_big ? Encoding::explicit_big
                                                                    : Encoding::explicit_little;
    return read_back(report.files.front(), encoding);
}

inline Result process(const Item& data)
{
    const TempDir root;
    return process(data, phantom::settings(root.path), root);
}

} // namespace engine_result
