// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <initializer_list>
#include <string>
#include <vector>

/// What a gatekeeper must survive, as a table: a row says what is done and what must be seen. The
/// numbers group the rows by kind of fault and stay when rows are added:
///  1-16 network, 17-30 parser, 31-40 pixels, 41-58 file system and crash, 59-70 identity and
///  rules, 71-76 external systems.
struct FaultCase {
    unsigned number;
    std::string name;
    std::string done;     ///< which variant: what is done
    std::string must_see; ///< the answer of the receiver, and the fate of the file
    /// Does it and says what was seen, in the words of `must_see`. What stands in brackets at the
    /// end is a measurement: reported, not compared.
    std::function<std::string()> act;
};

/// Cases that cannot be shown here, all of them or one row: the report says so, and the program counts as skipped.
void skip_faults(std::initializer_list<unsigned> numbers, const std::string& reason);

/// Acts row by row, checks each, and adds it to the report. One failed row stops no other.
void run_faults(const std::vector<FaultCase>& faults);
